"""Where a result comes from: the command, the moment, the versions and the machine."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from xdn import __version__
from xdn.codegen.target import cpu_name
from xdn.cpus import affinity_cpus, processor_name

#: The format of all results; the number is raised when a field changes its meaning or its name.
FORMAT = "xdn.result/1"
#: What makes the code, and what it stands on.
LIBRARIES = ("numba", "llvmlite", "numpy", "opencv-python-headless")


def machine() -> dict[str, Any]:
    """Return what a result says of the machine."""
    return {
        "cpu": cpu_name(),
        "processor": processor_name(),
        "cpus": affinity_cpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the `LIBRARIES` that are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def origin(kind: str, program: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Return what every result begins with, as JSON values.

    Parameters
    ----------
    kind : str
        What the result tells of: one of those in `xdn/report/documents.py`, which alone are read back, or ``"bench"``.
    program : str
        The command's name.
    arguments : sequence of str
        As they were given.
    """
    return {
        "format": FORMAT,
        "kind": kind,
        "program": program,
        "arguments": list(arguments),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "xdn": __version__,
        "machine": machine(),
        "versions": versions(),
    }
