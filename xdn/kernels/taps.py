"""Tap lists: which elements of a window meet data at each output position.

Zero padding is never multiplied: positions near the border have shorter lists. Positions with the same
list share it (nine lists for a padded 3x3), and an element that no list uses needs no packed weights.
"""

from dataclasses import dataclass

import numpy as np

from xdn.kernels.layout import BlockLayout
from xdn.layers.window import Window


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
    used : (U, 2) int64
        The window elements (r, s) that any position uses, row-major.
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
        for first, end in dict.fromkeys(zip(positions[:, 1].tolist(), positions[:, 2].tolist(), strict=True)):
            begin = len(runs)
            for place, index in taps[first:end].tolist():
                last = runs[-1] if joined and len(runs) > begin else None
                if last and (place, index * channels) == (last[0] + last[2] * step, last[1] + last[2]):
                    last[2] += channels
                else:
                    runs.append([place, index * channels, channels])
            classes[first, end] = (begin, len(runs))
        spans = [classes[first, end] for first, end in positions[:, 1:3].tolist()]
        positions[:, 1:3] = np.array(spans, np.int64).reshape(-1, 2)
        return positions, np.array(runs, np.int64).reshape(-1, 3)


#: For each output index of an axis the window elements that meet data.
_Meeting = list[tuple[int, ...]]


def _meeting(bottom: BlockLayout, top: BlockLayout, window: Window) -> tuple[_Meeting, _Meeting]:
    """Return which window elements meet data, by output row and by output column."""

    rows = [window.meeting(0, out, bottom.height) for out in range(top.height)]
    return rows, [window.meeting(1, out, bottom.width) for out in range(top.width)]


def count_taps(bottom: BlockLayout, top: BlockLayout, window: Window) -> int:
    """Return the taps that meet data, summed over the output positions, without their lists."""
    rows, columns = _meeting(bottom, top, window)
    return sum(map(len, rows)) * sum(map(len, columns))


def tap_lists(bottom: BlockLayout, top: BlockLayout, window: Window) -> TapLists:
    """Return the tap lists of `window` sliding over `bottom` to give `top`."""
    rows, columns = _meeting(bottom, top, window)
    used = sorted({(r, s) for rs in set(rows) for ss in set(columns) for r in rs for s in ss})
    index = {element: i for i, element in enumerate(used)}

    taps: list[tuple[int, int]] = []
    classes: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[int, int]] = {}
    positions = np.empty((top.positions, 4), np.int64)
    for p, rs in enumerate(rows):
        for q, ss in enumerate(columns):
            first = window.source(0, p) * bottom.width + window.source(1, q)
            if (rs, ss) not in classes:
                # Outputs with one list have it at the same places relative to their own: what meets data tells, of a
                # transposed window, how far the output is from a place of the input.
                found = [
                    (window.source(0, p, r) * bottom.width + window.source(1, q, s) - first, index[r, s])
                    for r in rs
                    for s in ss
                ]
                classes[rs, ss] = (len(taps), len(taps) + len(found))
                taps += found
            out = p * top.width + q
            positions[out] = (first, *classes[rs, ss], out)
    return TapLists(
        positions,
        np.array(taps, np.int64).reshape(-1, 2),
        np.array(used, np.int64).reshape(-1, 2),
        int((positions[:, 2] - positions[:, 1]).sum()),
    )
