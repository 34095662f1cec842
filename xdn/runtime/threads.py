"""How many threads to use, where nobody says: what this process may really have."""

import math
import os
from pathlib import Path

from xdn import settings
from xdn.errors import SettingError

CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def affinity_cpus() -> int:
    """Return the number of processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota_cpus(v2: Path = CGROUP_V2, v1: Path = CGROUP_V1) -> float:
    """Return the processors' worth of time that the control group allows; infinite without a quota."""
    try:
        quota, period = v2.read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        quota_us = int((v1 / "cpu.cfs_quota_us").read_text())
        period_us = int((v1 / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 and period_us > 0 else math.inf
    except (OSError, ValueError):
        return math.inf


def default_threads() -> int:
    """Return the number of threads to use: XDN_THREADS, OMP_NUM_THREADS, else what affinity and quota allow."""
    for flag in ("XDN_THREADS", "OMP_NUM_THREADS"):
        asked = settings.positive_int(flag)
        if asked:
            return asked
    return max(1, int(min(affinity_cpus(), quota_cpus())))


def checked_threads(threads: int | None) -> int:
    """Return `threads`, or the default for None; raise SettingError below 1."""
    if threads is None:
        return default_threads()
    if threads < 1:
        raise SettingError(f"{threads} threads; at least 1 is needed", where="threads")
    return threads
