"""How much memory a net may take: a few lines of a file can ask for more than any machine has.

Whoever is about to make what a net's shapes ask for (weights, blobs, tables) adds it up first, layer by layer, and has
the sum looked at here. Sums are estimates; what a process is anyway has its place in the rest of the machine's memory.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from xdn import settings
from xdn.errors import MemoryLimitError, SettingError, placed

#: Where a control group says what its processes may have, in all.
CGROUP_V2, CGROUP_V1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")
#: A machine that does not tell.
_UNKNOWN_BYTES = 8 << 30
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
#: Layers that a message names.
_NAMED = 4
MEND = "If it is meant to be so large, allow more with --max-memory or XDN_MEMORY, such as 16G"

#: The part of the limit, one in so many, that the arrays of one call may take where nobody says how many images it has.
CALL_SHARE = 4

_asked: list[int] = []


@dataclass(frozen=True)
class Need:
    """Memory that something is about to take.

    Parameters
    ----------
    where : str
        A layer, or what else it is for.
    size : int
        Bytes.
    """

    where: str
    size: int


def parsed_size(text: str) -> int:
    """Return the bytes that a text such as ``8G``, ``512M`` or ``1.5 GiB`` says; raise SettingError for another."""
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match[1]) * (1 << _UNITS[match[2].upper()])) if match and len(text) < 32 else 0
    if size < 1:
        raise SettingError(f"{text!r} is not a size of memory", mend="Say it as 8G or 512M")
    return size


def shown_size(size: int) -> str:
    """Return a number of bytes as people read it."""
    unit = next((unit for unit in ("TiB", "GiB", "MiB") if size >= 1 << _UNITS[unit[0]]), "KiB")
    return f"{size / (1 << _UNITS[unit[0]]):.1f} {unit}"


@contextmanager
def limited(size: int | None) -> Iterator[None]:
    """Let nets take `size` bytes within the block; None changes nothing."""
    if size is None:
        yield
        return
    _asked.append(size)
    try:
        yield
    finally:
        _asked.remove(size)


def limit() -> int:
    """Return how many bytes nets may take: what was asked for, else a share of what the machine or the group has."""
    if _asked:
        return _asked[-1]
    text = settings.asked_memory()
    if text is None:
        there = min(machine_size(), group_size())
        return max(int(settings.MEMORY_SHARE * there), min(settings.LEAST_MEMORY_BYTES, there // 2))
    with placed("XDN_MEMORY", SettingError):
        return parsed_size(text)


def images_at_once(image_bytes: int, most: int) -> int:
    """Return how many images of so many bytes, all that is made of one included, to handle at a time; one at least."""
    return max(1, min(most, limit() // CALL_SHARE // max(image_bytes, 1)))


def machine_size() -> int:
    """Return the memory of the machine, in bytes."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN_BYTES


def group_size(v2: Path = CGROUP_V2, v1: Path = CGROUP_V1, own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory that the control group, and those around it, allow, in bytes; that of the machine for none."""
    found, group = [machine_size()], v2
    with suppress(OSError):
        lines = [line.rpartition(":")[2].strip("/") for line in own.read_text().splitlines() if line.startswith("0:")]
        group = v2.joinpath(*lines[:1])
    around = [path / "memory.max" for path in (group, *group.parents) if path.is_relative_to(v2)]
    for path in (*around, v1):
        with suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return min(found)


def require(needs: Iterable[Need], doing: str, mend: str = MEND) -> None:
    """Raise MemoryLimitError where needs are more, together, than the limit.

    Parameters
    ----------
    needs : iterable of Need
        Those of one place are added up.
    doing : str
        What takes the memory, such as "running the net".
    mend : str
    """
    by_place: Counter[str] = Counter()
    for need in needs:
        by_place[need.where] += need.size
    total, most = by_place.total(), limit()
    if total <= most:
        return
    named = ", ".join(f"{where} {shown_size(size)}" for where, size in by_place.most_common(_NAMED))
    others = f", {len(by_place) - _NAMED} others" if len(by_place) > _NAMED else ""
    what = f"{doing} takes about {shown_size(total)} of memory, and {shown_size(most)} are allowed: {named}{others}"
    raise MemoryLimitError(what, mend=mend)
