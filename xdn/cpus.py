"""Processors that this process may really have: by its affinity, and by its control group's quota."""

import math
import os
from pathlib import Path

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


def available_cpus() -> int:
    """Return the number of processors that affinity and quota allow, at least one."""
    return max(1, int(min(affinity_cpus(), quota_cpus())))
