"""Pooling over tap lists: the channels and images of one position are one run of consecutive values."""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS
from xdn.kernels.taps import tap_lists
from xdn.layers.pooling import LOWEST

#: COUNTS: what the sum at each position is divided by. RUN: values of one position.
X, Y, POSITIONS, POSITION_COUNT, TAPS, X_BLOCK, Y_BLOCK, RUN, COUNTS = range(9)


def _max_pool():
    def max_pool(desc, frame):
        positions, taps, run = i64_at(desc[POSITIONS]), i64_at(desc[TAPS]), desc[RUN]
        for block in range(frame[BLOCKS]):
            for p in range(desc[POSITION_COUNT]):
                x = f32_at(frame[ARENA] + desc[X] + (block * desc[X_BLOCK] + positions[4 * p]) * 4)
                y = f32_at(frame[ARENA] + desc[Y] + (block * desc[Y_BLOCK] + positions[4 * p + 3]) * 4)
                for i in range(run):
                    y[i] = LOWEST
                for t in range(positions[4 * p + 1], positions[4 * p + 2]):
                    at = taps[2 * t]
                    for i in range(run):
                        y[i] = x[at + i] if x[at + i] > y[i] else y[i]

    return max_pool


def _average_pool():
    def average_pool(desc, frame):
        positions, taps, run = i64_at(desc[POSITIONS]), i64_at(desc[TAPS]), desc[RUN]
        counts = f32_at(desc[COUNTS])
        for block in range(frame[BLOCKS]):
            for p in range(desc[POSITION_COUNT]):
                x = f32_at(frame[ARENA] + desc[X] + (block * desc[X_BLOCK] + positions[4 * p]) * 4)
                y = f32_at(frame[ARENA] + desc[Y] + (block * desc[Y_BLOCK] + positions[4 * p + 3]) * 4)
                for i in range(run):
                    y[i] = np.float32(0)
                for t in range(positions[4 * p + 1], positions[4 * p + 2]):
                    at = taps[2 * t]
                    for i in range(run):
                        y[i] += x[at + i]
                count = counts[p]
                for i in range(run):
                    y[i] /= count

    return average_pool


@family("pool", "Pooling")
def lower_pooling(lowering: Lowering) -> Lowered:
    """Take the maximum or the average of each window, clipped at the border as Caffe does."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    size = (bottom.height, bottom.width)
    lists = tap_lists(bottom, top, layer.params.window(*size))
    positions, taps = lists.in_elements(bottom, top)
    counts = np.ascontiguousarray(layer.params.counts(*size))
    descriptor = {
        POSITIONS: address(positions),
        POSITION_COUNT: len(positions),
        TAPS: address(taps),
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
        RUN: bottom.position_elements,
        COUNTS: address(counts),
    }
    op, make = ("max_pool", _max_pool) if layer.params.pool == "MAX" else ("average_pool", _average_pool)
    source = KernelSource(KernelName(op, lowering.isa.name), make)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]}
    return Lowered([Step(source, words(9, descriptor), blobs, (positions, taps, counts))])
