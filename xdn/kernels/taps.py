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

from xdn.kernels.layout import BlockLayout
from xdn.kernels.tables import shared
from xdn.layers.window import Extents, Window


@dataclass(frozen=True, eq=False)
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
        """Return (positions, taps) with places in f32 of a block instead of positions of an image, as kernels read."""
        positions = self.positions * (bottom.position_elements, 1, 1, top.position_elements)
        return positions, self.taps * (bottom.position_elements, 1)

    @shared
    def in_runs(self, bottom: BlockLayout, top: BlockLayout, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (positions, runs): neighbouring taps whose values follow each other, and whose weights do, as one.

        Taps of a window's row are such neighbours where every filter reads all channels: one loop over their values
        does not end after each tap.

        Parameters
        ----------
        bottom, top : BlockLayout
        channels : int
            Channels that a filter reads, of those of the bottom.

        Returns
        -------
        positions : (P*Q, 4) int64
            As `in_elements` gives them, first and end of runs instead of taps.
        runs : (T, 3) int64
            A row a run: place relative to the window's first element, in f32; first channel among those of all used
            taps; channels.
        """
        positions, taps = self.in_elements(bottom, top)
        joined, step = channels == bottom.channels, bottom.schedule.images
        runs: list[list[int]] = []
        classes: dict[tuple[int, int], tuple[int, int]] = {}
        spans, number = distinct(positions[:, 1:3])
        for first, end in spans.tolist():
            begin = len(runs)
            for place, index in taps[first:end].tolist():
                last = runs[-1] if joined and len(runs) > begin else None
                if last and (place, index * channels) == (last[0] + last[2] * step, last[1] + last[2]):
                    last[2] += channels
                else:
                    runs.append([place, index * channels, channels])
            classes[first, end] = (begin, len(runs))
        run_spans = [classes[first, end] for first, end in spans.tolist()]
        positions[:, 1:3] = np.array(run_spans, np.int64).reshape(-1, 2)[number]
        return positions, np.array(runs, np.int64).reshape(-1, 3)


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct ones of rows of numbers from 0 on, in order, and for each row which of them it is.

    As np.unique with an axis; that compares whole rows, which takes 20 times as long.
    """
    number = np.zeros(len(rows), np.int64)
    for column in rows.T:
        _, first, number = np.unique(number * (column.max() + 1) + column, return_index=True, return_inverse=True)
    return rows[first], number


def _meeting(window: Window, sizes: Sequence[int], places: Sequence[int]) -> list[list[Extents]]:
    """Return for each axis, by output index, which window elements meet data of an input of `sizes`."""
    axes = enumerate(zip(sizes, places, strict=True))
    return [[window.meeting(axis, out, size) for out in range(count)] for axis, (size, count) in axes]


@shared
def count_taps(sizes: Sequence[int], places: Sequence[int], window: Window) -> int:
    """Return the taps that meet data, summed over the output positions, without their lists."""
    return prod(sum(map(len, axis)) for axis in _meeting(window, sizes, places))


@shared
def tap_lists(sizes: Sequence[int], places: Sequence[int], window: Window) -> TapLists:
    """Return the tap lists of `window` sliding over an input of `sizes`, such as (H, W), to give `places` (P, Q)."""
    meeting = _meeting(window, sizes, places)
    pitches, kernel_pitches = _pitches(sizes), _pitches(window.kernel)
    origins = [np.array([window.source(a, out) for out in range(n)]) * pitches[a] for a, n in enumerate(places)]
    met = [
        np.isin(np.arange(n), [k for ks in axis for k in ks]) for n, axis in zip(window.kernel, meeting, strict=True)
    ]
    is_used = reduce(np.logical_and.outer, met).ravel()
    index = np.cumsum(is_used) - 1

    # Outputs that meet the same elements along each axis share a list: what meets data tells, of a transposed window,
    # how far the output is from a place of the input.
    kinds = [list(dict.fromkeys(axis)) for axis in meeting]
    numbers = [[kind.index(ks) for ks in axis] for kind, axis in zip(kinds, meeting, strict=True)]
    taps, ends = [np.empty((0, 2), np.int64)], [0]
    for outs in product(*([axis.index(ks) for ks in kind] for kind, axis in zip(kinds, meeting, strict=True))):
        found = [np.array(axis[out], np.int64) for axis, out in zip(meeting, outs, strict=True)]
        sources = [window.source(a, out) for a, out in enumerate(outs)]
        offsets = [
            np.array([window.source(a, out, k) - sources[a] for k in found[a].tolist()], np.int64) * pitches[a]
            for a, out in enumerate(outs)
        ]
        elements = [each * pitch for each, pitch in zip(found, kernel_pitches, strict=True)]
        taps.append(np.column_stack([_sums(offsets), index[_sums(elements)]]))
        ends.append(ends[-1] + len(taps[-1]))
    kind = np.ravel_multi_index(np.ix_(*numbers), [len(kind) for kind in kinds]).ravel()
    positions = np.column_stack(
        [_sums(origins), np.array(ends[:-1])[kind], np.array(ends[1:])[kind], np.arange(prod(places))]
    )
    multiplications = int((positions[:, 2] - positions[:, 1]).sum())
    return TapLists(positions, np.concatenate(taps), np.flatnonzero(is_used), multiplications)


def _pitches(extents: Sequence[int]) -> list[int]:
    """Return how far neighbours along each axis are apart where elements are numbered row-major."""
    return [prod(extents[axis + 1 :]) for axis in range(len(extents))]


def _sums(axes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sums of one number of each axis, row-major."""
    return reduce(np.add.outer, axes).ravel()
