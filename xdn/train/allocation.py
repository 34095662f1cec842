"""Memory that tensors leave is kept for the next ones.

An iteration gives back nearly all that it took. glibc returns such memory to the system, which hands it out again page
by page, each with a fault and filled with zeros: a tenth of an iteration's time.
"""

import ctypes
import sys

#: What `mallopt` is told, by malloc.h: from how many free bytes on memory is returned, and from how many bytes on a
#: block is one of the system's own, at most.
_TRIM_THRESHOLD, _NEVER = -1, -1
_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD = -3, 32 << 20


def keep_freed_memory() -> bool:
    """Let this process keep what it frees; return whether the C library takes that (glibc does)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _NEVER)) and bool(mallopt(_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD))
