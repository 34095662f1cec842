"""Where each activation lies: one arena per thread, shared by blobs that are not alive together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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


def liveness_bound(intervals: Sequence[Interval]) -> int:
    """Return the largest sum of sizes alive during one step, in bytes."""
    changes = np.zeros(max((i.last for i in intervals), default=0) + 2, np.int64)
    for interval in intervals:
        changes[interval.first] += interval.size
        changes[interval.last + 1] -= interval.size
    return int(changes.cumsum().max())


def place(intervals: Sequence[Interval], shared: bool = False) -> Arena:
    """Place the largest buffers first, each at the lowest gap that is free for its whole life.

    The greedy-by-size rule of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
    Inference" (2020).

    Parameters
    ----------
    intervals : sequence of Interval
    shared : bool
        Threads share the buffers, each a part of every one. Where that is free a buffer then lies in the middle of a
        larger one: the halves of both are the same memory, which the same cores write, instead of having to take it
        out of each other's caches.
    """
    order = sorted(intervals, key=lambda i: (-i.size, i.first, i.name))
    firsts, lasts = (np.array([getattr(i, end) for i in order], np.int64) for end in ("first", "last"))
    begins, ends = np.zeros((2, len(order)), np.int64)
    unit = settings.ARENA_ALIGN_BYTES
    for number, interval in enumerate(order):
        alive = np.flatnonzero((firsts[:number] <= interval.last) & (lasts[:number] >= interval.first))
        size = -(-interval.size // unit) * unit
        taken = begins[alive], ends[alive]
        middles = begins[:number] + (ends[:number] - begins[:number] - size) // (2 * unit) * unit
        free = middles[_are_free(middles, size, *taken)] if shared else middles[:0]
        begins[number] = free[0] if len(free) else _lowest_gap(*taken, size)
        ends[number] = begins[number] + size
    offsets = {interval.name: int(begin) for interval, begin in zip(order, begins, strict=True)}
    top = max((offsets[interval.name] + interval.size for interval in order), default=0)
    return Arena(offsets, top, liveness_bound(intervals))


def _are_free(places: np.ndarray, size: int, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return for each of the places whether `size` bytes there meet none of the ranges from `begins` to `ends`."""
    order = np.argsort(begins)
    # How far the first ranges reach, from none of them on.
    reached = np.append(0, np.maximum.accumulate(ends[order]))
    return np.asarray(reached[np.searchsorted(begins[order], places + size)] <= places)


def _lowest_gap(begins: np.ndarray, ends: np.ndarray, size: int) -> int:
    """Return the lowest offset at which `size` bytes meet none of the ranges from `begins` to `ends`, all aligned."""
    order = np.argsort(begins)
    # Free from here on, before each range and after the last.
    free = np.append(0, np.maximum.accumulate(ends[order]))
    fits = np.flatnonzero(begins[order] - free[:-1] >= size)
    return int(free[fits[0] if len(fits) else -1])
