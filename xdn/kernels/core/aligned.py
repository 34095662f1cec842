"""Memory that vectors may be loaded from: aligned arrays, in large pages where the system has them.

Of each page that it reads a processor must look up where it lies, and it keeps few of these answers. Weights are read
from their start to their end for each image: in pages of 2 MiB there are 512 times fewer to look up than in those of
4 KiB. Arrays of middle size lie one after the other in a region, for each page that is touched is taken as a whole.
"""

import mmap
import threading
from contextlib import suppress

import numpy as np

from xdn import settings
from xdn.codegen.native import address
from xdn.element import real

#: Bytes of a large page; of a region that arrays share; of the largest array that lies in one, and of the smallest:
#: nets of small arrays, which caches hold, were a hundredth slower with all of them side by side.
_PAGE, _REGION, _MOST, _LEAST = 2 << 20, 8 << 20, 4 << 20, 512 << 10
#: How the system is asked for large pages; None where it has none.
_LARGE_PAGES: int | None = getattr(mmap, "MADV_HUGEPAGE", None)
_lock = threading.Lock()
#: What is free of the latest region.
_rest = np.empty(0, np.uint8)


def aligned_bytes(size: int, alignment: int) -> np.ndarray:
    """Return `size` bytes that begin at a multiple of `alignment`, zeroed when they are first touched."""
    if _LARGE_PAGES is None or size < _LEAST:
        return _part(np.zeros(size + alignment, np.uint8), size, alignment)
    if size > _MOST:
        return _part(_mapped(size + alignment, _LARGE_PAGES), size, alignment)
    global _rest
    with _lock:
        if len(_rest) < size + alignment:
            _rest = _mapped(_REGION, _LARGE_PAGES)
        made = _part(_rest, size, alignment)
        _rest = _rest[address(made) - address(_rest) + size :]
        return made


def _part(whole: np.ndarray, size: int, alignment: int) -> np.ndarray:
    start = -address(whole) % alignment
    return whole[start : start + size]


def _mapped(size: int, advice: int) -> np.ndarray:
    """Return at least `size` zeroed bytes in large pages; they are given back when no array refers to them."""
    try:
        # A page more, since the first large one begins at a multiple of its size.
        mapping = mmap.mmap(-1, -(-size // _PAGE) * _PAGE + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"{size} bytes cannot be allocated: {error.strerror}") from None
    # Not all kernels have large pages; their pages are small ones.
    with suppress(OSError):
        mapping.madvise(advice)
    return _part(np.frombuffer(mapping, np.uint8), len(mapping) - _PAGE, _PAGE)


def aligned(array: np.ndarray, elements: int | None = None) -> np.ndarray:
    """Return the values of an array as (`elements`,) that vectors may be loaded from, zeros after the last."""
    flat = np.ascontiguousarray(array).ravel()
    count = len(flat) if elements is None else elements
    made = aligned_bytes(count * flat.itemsize, settings.ARENA_ALIGN_BYTES).view(flat.dtype)
    made[: len(flat)] = flat
    return made


def aligned_vectors(array: np.ndarray, elements: int | None = None) -> np.ndarray:
    """Return the values of an array, as `aligned` does, as f32."""
    return aligned(np.asarray(array, real), elements)
