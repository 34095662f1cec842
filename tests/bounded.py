"""What may take so much time and memory and no more."""

import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Where Linux tells how much memory a process has.
STATM = Path("/proc/self/statm")


@contextmanager
def bounded(seconds, size):
    """Raise TimeoutError or MemoryError in what takes more seconds, or so many bytes more than there are."""
    resource = pytest.importorskip("resource")

    def expired(signum, frame):
        raise TimeoutError(f"more than {seconds} s")

    pages = int(STATM.read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, before[1]))
    handler = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)
