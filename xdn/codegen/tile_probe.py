"""Whether the processor's tile unit can be used: asked of the system, then tried out.

Virtual machines name features that they do not let through. So one multiplication is tried before kernels are made for
the unit, in a process of its own, which may come to a bad end; what came of it is kept, by processor and system.
"""

import ctypes
import hashlib
import logging
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

from xdn import settings
from xdn.errors import DataError, ParseError
from xdn.files import read_json, write_json

log = logging.getLogger(__name__)

#: Linux's system call arch_prctl, what it is asked for, and the part of a processor's state that tiles are
#: (Documentation/arch/x86/xstate.rst).
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from xdn.codegen.tile_trial import try_out; sys.exit(try_out())"
#: Seconds after which the process that tries is given up.
_PATIENCE_S = 60
_MOST_BYTES = 1 << 10


@cache
def tiles_work(processor: str) -> bool:
    """Return whether this process may use the tile unit of a processor that names one, and it computes what it should.

    Parameters
    ----------
    processor : str
        What tells it from others, for which the answer may be another.
    """
    return permitted() and _kept_answer(processor)


def permitted() -> bool:
    """Ask the system to let this process, all of its threads, use tiles; return whether it does."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    # A second request is granted, too.
    return bool(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA) == 0)


def _kept_answer(processor: str) -> bool:
    """Return what came of the trial on this processor and system, now where it is not known."""
    facts = processor, platform.release(), Path(__file__).with_name("tile_trial.py").read_text(encoding="utf-8")
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:20]
    path = settings.cache_dir() / "machines" / f"tiles-{digest}.json"
    try:
        return bool(read_json(path, _MOST_BYTES)["right"])
    except (DataError, ParseError, KeyError, TypeError) as error:
        if path.exists():
            log.warning("%s: the tile unit is tried out anew: %s", path, error)
    right = _tried()
    if right is None:
        return False
    try:
        write_json(path, {"right": right})
    except OSError as error:
        log.warning("what the trial of the tile unit gave is not kept: %s", error)
    return right


def _tried() -> bool | None:
    """Return whether a process of its own ended well in which the unit was tried out; None where it did not end."""
    if not Path(sys.executable or "").name.startswith("python"):
        return None
    command = [sys.executable, "-c", _PROGRAM, *sys.path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("the tile unit could not be tried out: %s", error)
        return None
    if done.returncode:
        log.warning("the tile unit is not used: its trial ended with %d", done.returncode)
    return done.returncode == 0
