"""Processors that this process may really have, by its affinity and its control group's quota, and their caches."""

import math
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
CGROUP_V1 = Path("/sys/fs/cgroup/cpu")
CPUS = Path("/sys/devices/system/cpu")
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Cache:
    """A cache of a processor, for data.

    Parameters
    ----------
    level : int
    bytes : int
    shared_by : int
        Processors that this process may run on and that have it in common.
    """

    level: int
    bytes: int
    shared_by: int


def processor_name(cpuinfo: Path = CPUINFO) -> str:
    """Return the processor's name as the system gives it, such as "AMD EPYC 9654 96-Core Processor"."""
    with suppress(OSError):
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def affinity_cpus() -> int:
    """Return the number of processors that this process may run on."""
    return len(_affinity())


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def caches(cpus: Path = CPUS) -> list[Cache]:
    """Return the caches of the first processor that this process may run on, the smallest first.

    Empty where the system does not tell, as on all but Linux.
    """
    usable, found = _affinity(), []
    for index in (cpus / f"cpu{min(usable)}" / "cache").glob("index*"):
        try:
            told = {name: (index / name).read_text().strip() for name in ("level", "type", "size", "shared_cpu_list")}
            if told["type"] != "Instruction":
                sharing = usable & _listed(told["shared_cpu_list"])
                found.append(Cache(int(told["level"]), _size(told["size"]), max(1, len(sharing))))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda cache: cache.level)


def _size(text: str) -> int:
    """Return a size as the system writes it, such as 1024K, in bytes."""
    units = {"K": 10, "M": 20, "G": 30}
    return int(text[:-1]) << units[text[-1]] if text[-1:] in units else int(text)


def _listed(text: str) -> set[int]:
    """Return the numbers of a list such as 0-3,8."""
    ranges = (part.split("-") for part in text.split(","))
    return {number for first, *last in ranges for number in range(int(first), int((last or [first])[0]) + 1)}


def quota_cpus(v2: Path = CGROUP_V2, v1: Path = CGROUP_V1) -> float:
    """Return the processors' worth of time that the control group allows; infinite without a quota."""
    with suppress(OSError, ValueError):
        quota, period = v2.read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota_us, period_us = (int((v1 / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        if quota_us > 0 and period_us > 0:
            return quota_us / period_us
    return math.inf


def available_cpus() -> int:
    """Return the number of processors that affinity and quota allow, at least one."""
    return max(1, int(min(affinity_cpus(), quota_cpus())))
