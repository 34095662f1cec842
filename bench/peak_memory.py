"""The most memory that a process had."""

import re
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory_bytes() -> int:
    """Return the most memory that this program has had in RAM at once.

    Linux's own count of the running program is read: `getrusage` hands on what the parent process had when it started
    this one.
    """
    found = re.search(r"^VmHWM:\s*(\d+) kB", STATUS.read_text(), re.M) if STATUS.exists() else None
    if found:
        return 1024 * int(found[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, others KiB.
    return peak if sys.platform == "darwin" else 1024 * peak
