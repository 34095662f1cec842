"""What a benchmark records of the machine."""

import os
import platform
from importlib.metadata import version
from typing import Any

import numpy as np
import psutil

from xdn import api
from xdn.cpus import affinity_cpus, processor_name


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, load, system, versions, and what the machine gives, as JSON takes them."""
    return {
        "cpu": processor_name(),
        "usable_cores": affinity_cpus(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        **{name: version(name) for name in ("xdn", "numba", "llvmlite")},
        "measured": api.machine().document(),
    }
