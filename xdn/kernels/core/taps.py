"""Tap lists: which elements of a window meet data at each output position.

Zero padding is never multiplied: positions near the border have shorter lists. Positions with the same
list share it (nine lists for a padded 3x3), and an element that no list uses needs no packed weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from xdn import memory
from xdn.kernels.core.descriptor import Descriptor, Size
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.tables import shared
from xdn.layers.window import Meetings, Window


class PositionRow(Descriptor):
    """An output position as kernels read it: x offset of its window, first tap or run, end of these, y offset."""

    x, first, end, y = Size(), Size(), Size(), Size()


@dataclass(frozen=True)
class TapLists:
    """The window's geometry as tables for kernels.

    Parameters
    ----------
    positions : (P*Q, 4) int64
        A row an output position, row-major: input position that the window's first element falls on (it may
        lie outside), first tap, end of taps, the output position. In positions of an image.
    taps : (T, 2) int64
        A row a tap: input position relative to the window's first element, index among `used`.
    used : (U,) int64
        The window elements that any position uses, numbered row-major.
    multiplications : int
        Taps summed over the output positions.
    """

    positions: np.ndarray
    taps: np.ndarray
    used: np.ndarray
    multiplications: int

    def in_elements(self, bottom: BlockLayout, top: BlockLayout) -> tuple[np.ndarray, np.ndarray]:
        """Return (positions, taps) with offsets in f32 of a block instead of positions of an image, as kernels read."""
        positions = self.positions * (bottom.position_elements, 1, 1, top.position_elements)
        return positions, self.taps * (bottom.position_elements, 1)

    @shared
    def in_runs(
        self, bottom: BlockLayout, top: BlockLayout, channels: int, together: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (positions, runs): neighbouring taps whose values follow each other, and whose weights do, as one.

        Taps of a window's row are such neighbours where every filter reads all channels: one loop over their values
        does not end after each tap.

        Parameters
        ----------
        bottom, top : BlockLayout
        channels : int
            Channels that a filter reads, of those of the bottom.
        together : int
            Channels that a kernel reads at a time; `channels`, and those in what is returned, are so many times fewer.

        Returns
        -------
        positions : (P*Q, 4) int64
            As `in_elements` gives them, first and end of runs instead of taps.
        runs : (T, 3) int64
            A row a run: offset from the window's first element, in f32; first channel among those of all used
            taps; channels.
        """
        positions, taps = self.in_elements(bottom, top)
        # A run begins at the head of a list, and where a tap's values or weights do not follow those of the last one.
        begins = np.ones(len(taps), bool)
        if channels == -(-bottom.channels // together):
            follows = np.diff(taps, axis=0) == (channels * bottom.images * together, 1)
            begins[1:] = ~follows.all(axis=1)
            heads = positions[:, 1]
            begins[heads[heads < len(taps)]] = True
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.append(starts, len(taps))) * channels
        before = np.append(0, np.cumsum(begins))
        positions[:, 1:3] = before[positions[:, 1:3]]
        return positions, np.column_stack([taps[starts, 0], taps[starts, 1] * channels, lengths])


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct ones of rows of numbers from 0 on, in order, and for each row which of them it is.

    As np.unique with an axis; that compares whole rows, which takes 20 times as long.
    """
    number = np.zeros(len(rows), np.int64)
    for column in rows.T:
        _, first, number = np.unique(number * (column.max() + 1) + column, return_index=True, return_inverse=True)
    return rows[first], number


@shared
def count_taps(sizes: Sequence[int], places: Sequence[int], window: Window) -> int:
    """Return the taps that meet data, summed over the output positions, without their lists."""
    return prod(int(found.count.sum()) for found in _meetings(sizes, places, window))


@shared
def count_lists(sizes: Sequence[int], places: Sequence[int], window: Window) -> tuple[tuple[int, int], ...]:
    """Return (output positions that share a list, its taps) of each list, without making them."""
    axes = []
    for found, count in zip(_meetings(sizes, places, window), places, strict=True):
        kinds, number = distinct(_pairs(found))
        positions = np.bincount(number[1:], minlength=len(kinds))
        positions[number[0]] += count - len(number[1:])
        axes.append([(int(n), int(taps)) for n, (_, taps) in zip(positions, kinds, strict=True) if n])
    return tuple((prod(n for n, _ in each), prod(taps for _, taps in each)) for each in product(*axes))


@shared
def lists_footprint(sizes: Sequence[int], places: Sequence[int], window: Window) -> Footprint:
    """Return about how many bytes the tap lists take, and what kernels make of them."""
    positions = prod(places)
    found = Footprint(40 * positions, 110 * positions)
    if found.kept > memory.limit():
        return found
    # Of each kind of place along the axes there is one list.
    taps = prod(int(distinct(_pairs(each))[0][:, 1].sum()) for each in _meetings(sizes, places, window))
    return found + Footprint(24 * taps, 80 * taps)


def _meetings(sizes: Sequence[int], places: Sequence[int], window: Window) -> list[Meetings]:
    """Return for each axis which window elements meet data of an input of `sizes`."""
    return [window.meetings(axis, count, size) for axis, (size, count) in enumerate(zip(sizes, places, strict=True))]


def _pairs(meetings: Meetings) -> np.ndarray:
    """Return (outputs + 1, 2): the first element and how many there are of the outputs, and of one that meets none."""
    return np.column_stack([np.append(0, meetings.first), np.append(0, meetings.count)])


@dataclass(frozen=True)
class _Axis:
    """What a window meets along one axis.

    Parameters
    ----------
    kinds : list of arrays
        The different sets of elements.
    examples : list of int
        An output of each kind.
    number : (P,) int64
        Which kind each output meets.
    used : (U,) int64
        The elements of all kinds, ascending.
    """

    kinds: list[np.ndarray]
    examples: list[int]
    number: np.ndarray
    used: np.ndarray

    @staticmethod
    def of(meetings: Meetings, places: int) -> "_Axis":
        """Return the axis, which has so many places."""
        pairs, told = distinct(_pairs(meetings))
        number = np.full(places, told[0])
        number[meetings.begin : meetings.begin + len(told) - 1] = told[1:]
        numbers, examples, number = np.unique(number, return_index=True, return_inverse=True)
        # In the order in which outputs meet them first.
        order = np.argsort(examples)
        spans = pairs[numbers[order]].tolist()
        kinds = [np.arange(at, at + count * meetings.step, meetings.step) for at, count in spans]
        used = np.unique(np.concatenate(kinds))
        return _Axis(kinds, examples[order].tolist(), np.argsort(order)[number], used)


@shared
def tap_lists(sizes: Sequence[int], places: Sequence[int], window: Window) -> TapLists:
    """Return the tap lists of `window` sliding over an input of `sizes`, such as (H, W), to give `places` (P, Q)."""
    axes = [_Axis.of(*each) for each in zip(_meetings(sizes, places, window), places, strict=True)]
    pitches, kernel_pitches = _pitches(sizes), _pitches(window.kernel)
    index_pitches = _pitches([len(axis.used) for axis in axes])
    origins = [window.sources(a, np.arange(n), np.zeros(1, np.int64)) * pitches[a] for a, n in enumerate(places)]

    # Outputs that meet the same elements along each axis share a list: what meets data tells, of a transposed window,
    # how far the output is from a place of the input.
    taps, ends = [np.empty((0, 2), np.int64)], [0]
    for found in product(*(zip(axis.kinds, axis.examples, strict=True) for axis in axes)):
        offsets = [
            (window.sources(a, np.asarray(out), kind) - window.source(a, out)) * pitches[a]
            for a, (kind, out) in enumerate(found)
        ]
        indices = [
            np.searchsorted(axis.used, kind) * pitch
            for axis, pitch, (kind, _) in zip(axes, index_pitches, found, strict=True)
        ]
        taps.append(np.column_stack([_sums(offsets), _sums(indices)]))
        ends.append(ends[-1] + len(taps[-1]))
    numbers = np.ix_(*(axis.number for axis in axes))
    kind = np.ravel_multi_index(numbers, [len(axis.kinds) for axis in axes]).ravel()
    positions = np.column_stack(
        [_sums(origins), np.array(ends[:-1])[kind], np.array(ends[1:])[kind], np.arange(prod(places))]
    )
    used = _sums([axis.used * pitch for axis, pitch in zip(axes, kernel_pitches, strict=True)])
    multiplications = int((positions[:, 2] - positions[:, 1]).sum())
    return TapLists(positions, np.concatenate(taps), used, multiplications)


def plain_tap_lists(sizes: Sequence[int], places: Sequence[int], window: Window) -> TapLists:
    """Return the tap lists of a window without weights, such as a pooling's: their elements are numbered anyhow."""
    return tap_lists(sizes, places, window.level(sizes, places))


def plain_lists_footprint(sizes: Sequence[int], places: Sequence[int], window: Window) -> Footprint:
    """Return about how many bytes the lists of `plain_tap_lists` take, and what kernels make of them."""
    return lists_footprint(sizes, places, window.level(sizes, places))


def _pitches(extents: Sequence[int]) -> list[int]:
    """Return how far neighbours along each axis are apart where elements are numbered row-major."""
    return [prod(extents[axis + 1 :]) for axis in range(len(extents))]


def _sums(axes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sums of one number of each axis, row-major."""
    return reduce(np.add.outer, axes).ravel()
