"""Where each activation lies: one arena per thread, shared by blobs that are not alive together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdn import settings


@dataclass(frozen=True)
class Interval:
    """A buffer and the steps during which it holds something.

    Parameters
    ----------
    name : str
    size : int
        In bytes.
    first, last : int
        Numbers of the step that writes it first and of the step that reads it last.
    """

    name: str
    size: int
    first: int
    last: int

    def overlaps(self, other: "Interval") -> bool:
        """Return whether both are alive during some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Arena:
    """Offsets of buffers in one piece of memory.

    Parameters
    ----------
    offsets : mapping
        Name -> offset in bytes.
    size : int
        Bytes in all.
    bound : int
        The most bytes that are alive during any one step: no placement needs less.
    """

    offsets: Mapping[str, int]
    size: int
    bound: int


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def liveness_bound(intervals: Sequence[Interval]) -> int:
    """Return the largest sum of sizes alive during one step, in bytes."""
    return max((sum(o.size for o in intervals if o.overlaps(i) and o.first <= i.first) for i in intervals), default=0)


def place(intervals: Sequence[Interval]) -> Arena:
    """Place the largest buffers first, each at the lowest gap that is free for its whole life.

    The greedy-by-size rule of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
    Inference" (2020).
    """
    placed: list[tuple[int, Interval]] = []
    for interval in sorted(intervals, key=lambda i: (-i.size, i.first, i.name)):
        size = _round_up(interval.size, settings.ARENA_ALIGN_BYTES)
        offset = 0
        for other_offset, other in sorted(placed, key=lambda p: p[0]):
            if not interval.overlaps(other):
                continue
            if offset + size <= other_offset:
                break
            offset = max(offset, other_offset + _round_up(other.size, settings.ARENA_ALIGN_BYTES))
        placed.append((offset, interval))
    size = max((offset + interval.size for offset, interval in placed), default=0)
    return Arena({interval.name: offset for offset, interval in placed}, size, liveness_bound(intervals))
