"""SPP: the bins of all grids, each for all channels; a channel's value lies where its grid has it.

::

    for bin in bins of all grids:
        for c in channels:
            for i in images of the block:
                y[begin of grid + c * bins of grid + bin][i] = fold of x[tap][c][i] over taps(bin)
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import plain_lists_footprint, plain_tap_lists
from xdn.layers.pooling import LOWEST

#: BINS: rows of (x offset, first tap, end of taps, channel 0's place in y, places to the next channel). COUNTS: by what
#: averages are divided.
X, Y, BINS, BIN_COUNT, TAPS, COUNTS, CHANNELS, LANES, X_BLOCK, Y_BLOCK, AVERAGE, START = range(12)


def _pool():
    def pool(desc, frame):
        bins, taps, counts = i64_at(desc[BINS]), i64_at(desc[TAPS]), f32_at(desc[COUNTS])
        lanes, start = desc[LANES], f32_at(desc[START])[0]
        begin, stop = portion(frame, desc[BIN_COUNT])
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * desc[X_BLOCK] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * desc[Y_BLOCK] * 4)
            for b in range(begin, stop):
                for c in range(desc[CHANNELS]):
                    out = (bins[5 * b + 3] + c * bins[5 * b + 4]) * lanes
                    for i in range(lanes):
                        y[out + i] = start
                    for t in range(bins[5 * b + 1], bins[5 * b + 2]):
                        at = bins[5 * b] + taps[2 * t] + c * lanes
                        if desc[AVERAGE]:
                            for i in range(lanes):
                                y[out + i] += x[at + i]
                        else:
                            for i in range(lanes):
                                value = x[at + i]
                                y[out + i] = value if value > y[out + i] else y[out + i]
                    if desc[AVERAGE]:
                        for i in range(lanes):
                            y[out + i] /= counts[b]

    return pool


def _footprint(lowering: Lowering) -> Footprint:
    """Return what the tables of all grids take."""
    sizes = lowering.bottoms[0].shape[2:]
    levels = lowering.layer.params.levels(sizes)
    each = (plain_lists_footprint(sizes, level.output_size(sizes), level.window(sizes)) for level in levels)
    return sum(each, Footprint()) * 2


@family("spp", "SPP", schedules=BOTH, footprint=_footprint)
def lower_spp(lowering: Lowering) -> Lowered:
    """Take the maximum or the average of each bin."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    sizes, average = lowering.bottoms[0].shape[2:], layer.params.pool == "AVE"
    bins, taps, counts, place = [], [], [], 0
    for level in layer.params.levels(sizes):
        grid = level.output_size(sizes)
        lists = plain_tap_lists(sizes, grid, level.window(sizes))
        rows = lists.positions * (bottom.position_elements, 1, 1, 1)
        rows[:, 1:3] += sum(map(len, taps))
        rows[:, 3] += place
        bins.append(np.column_stack([rows, np.full(len(rows), len(rows))]))
        taps.append(lists.taps * (bottom.position_elements, 1))
        counts.append(level.counts(sizes).ravel())
        place += bottom.channels * len(rows)
    tables = np.concatenate(bins), np.concatenate(taps), np.concatenate(counts)
    start = np.array([0 if average else LOWEST], np.float32)
    descriptor = {
        BINS: address(tables[0]),
        BIN_COUNT: len(tables[0]),
        TAPS: address(tables[1]),
        COUNTS: address(tables[2]),
        CHANNELS: bottom.channels,
        LANES: bottom.images,
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
        AVERAGE: int(average),
        START: address(start),
    }
    source = KernelSource(KernelName("spp", lowering.target.name), _pool)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]}
    return Lowered([Step(source, words(12, descriptor), blobs, (*tables, start))])
