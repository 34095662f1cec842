"""Call machine code from Python."""

import ctypes
from collections.abc import Callable

import numpy as np

#: Numba's calling convention: status (*result, **error, descriptor, frame). ctypes releases the GIL meanwhile.
_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

#: (descriptor, frame) -> None, both int64 words.
Kernel = Callable[[np.ndarray, np.ndarray], None]


#: Where kernels may write what Numba's convention returns, and nobody reads.
_UNUSED = ctypes.c_int64()


def address(array: np.ndarray) -> int:
    """Return the address of an array's first element; the array must be contiguous and outlive its use.

    Quicker than `array.ctypes`, which makes an object of its own.
    """
    return int(array.__array_interface__["data"][0])


def kernel_at(place: int) -> Kernel:
    """Return the kernel whose machine code is at an address as a function; its loader must outlive it."""
    at = code_at(place)

    def call(descriptor: np.ndarray, frame: np.ndarray) -> None:
        at(address(descriptor), address(frame))

    return call


def code_at(place: int) -> Callable[[int, int], None]:
    """Return the same for who knows the addresses of descriptor and frame, which take longer to ask for than a call."""
    function, unused = _KERNEL(place), ctypes.addressof(_UNUSED)

    def call(descriptor: int, frame: int) -> None:
        function(unused, unused, descriptor, frame)

    return call
