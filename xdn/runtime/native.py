"""Call machine code from Python."""

import ctypes
from collections.abc import Callable

import numpy as np

#: Numba's calling convention: status (*result, **error, descriptor, frame). ctypes releases the GIL meanwhile.
_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

#: (descriptor, frame) -> None, both int64 words.
Kernel = Callable[[np.ndarray, np.ndarray], None]


def kernel_at(address: int) -> Kernel:
    """Return the kernel whose machine code is at `address` as a function; its loader must outlive it."""
    function = _KERNEL(address)

    def call(descriptor: np.ndarray, frame: np.ndarray) -> None:
        unused = ctypes.c_int64()
        function(ctypes.byref(unused), ctypes.byref(unused), descriptor.ctypes.data, frame.ctypes.data)

    return call
