"""SPP: the bins of all grids, each for all channels; a channel's value lies where its grid has it.

::

    for bin in bins of all grids:
        for c in channels:
            for i in images of the block:
                y[begin of grid + c * bins of grid + bin][i] = fold of x[tap][c][i] over taps(bin)
"""

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.element import S64
from xdn.graph import Array
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import plain_lists_footprint, plain_tap_lists
from xdn.layers.pooling import LOWEST


class SPP(Descriptor):
    """The bins of all grids, a row each, and what they are made of.

    bins
        Rows of (x offset, first tap, end of taps, where channel 0 is in y, how far the next one is), the last two in
        values of an image.
    counts
        By what averages are divided.
    images
        Of a block.
    """

    x, y = Place(), Place()
    bins, taps, counts = Pointer(S64), Pointer(S64), Pointer()
    bin_count, channels, images, x_block, y_block, average = (Size() for _ in range(6))
    start = Number()


def _pool() -> KernelBody:
    def pool(d, frame):
        bins, taps, counts, start = d.bins, d.taps, d.counts, d.start
        channels, images, average = d.channels, d.images, d.average
        begin, stop = portion(frame, d.bin_count)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for b in range(begin, stop):
                for c in range(channels):
                    out = (bins[5 * b + 3] + c * bins[5 * b + 4]) * images
                    for i in range(images):
                        y[out + i] = start
                    for t in range(bins[5 * b + 1], bins[5 * b + 2]):
                        tap = bins[5 * b] + taps[2 * t] + c * images
                        if average:
                            for i in range(images):
                                y[out + i] += x[tap + i]
                        else:
                            for i in range(images):
                                value = x[tap + i]
                                y[out + i] = value if value > y[out + i] else y[out + i]
                    if average:
                        for i in range(images):
                            y[out + i] /= counts[b]

    return pool


def _footprint(lowering: Lowering) -> Footprint:
    """Return what the tables of all grids take."""
    sizes = lowering.bottoms[0].shape[2:]
    levels = lowering.params.levels(sizes)
    each = (plain_lists_footprint(sizes, level.output_size(sizes), level.window(sizes)) for level in levels)
    return sum(each, Footprint()) * 2


@family("spp", "SPP", schedules=BOTH, footprint=_footprint)
def lower_spp(lowering: Lowering) -> Lowered:
    """Take the maximum or the average of each bin."""
    bottom, sizes, average = lowering.bottom(), lowering.bottoms[0].shape[2:], lowering.params.pool == "AVE"
    bins: list[Array] = []
    taps: list[Array] = []
    counts: list[Array] = []
    begin = 0
    for level in lowering.params.levels(sizes):
        grid = level.output_size(sizes)
        lists = plain_tap_lists(sizes, grid, level.window(sizes))
        rows = lists.positions * (bottom.position_elements, 1, 1, 1)
        rows[:, 1:3] += sum(map(len, taps))
        rows[:, 3] += begin
        bins.append(np.column_stack([rows, np.full(len(rows), len(rows))]))
        taps.append(lists.taps * (bottom.position_elements, 1))
        counts.append(level.counts(sizes).ravel())
        begin += bottom.channels * len(rows)
    words = lowering.words(
        SPP,
        bins=np.concatenate(bins),
        taps=np.concatenate(taps),
        counts=np.concatenate(counts),
        bin_count=sum(map(len, bins)),
        average=average,
        start=0 if average else LOWEST,
    )
    return Lowered([lowering.step("spp", _pool, words, serves_both=True)])
