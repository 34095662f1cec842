"""LRN: every value times a power of the energy around it, across channels or within one."""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS, B
from xdn.kernels.mathematics import fma, power
from xdn.kernels.taps import tap_lists
from xdn.layers.window import Window

#: CONSTANTS: k, alpha / n, -beta. REACH: neighbours on each side. LANES: read, so that loops over it vectorise.
X, Y, CHANNELS, POSITIONS, REACH, CONSTANTS, LANES = range(7)
#: TAPS: the square's elements; COUNTS: what each position's sum is divided by.
POSITION_COUNT, TAPS, COUNTS, BLOCK = 4, 7, 8, 9


def _across():
    def lrn_across(desc, frame):
        channels, reach, lanes = desc[CHANNELS], desc[REACH], desc[LANES]
        constants = f32_at(desc[CONSTANTS])
        k, alpha, exponent = constants[0], constants[1], constants[2]
        for position in range(frame[BLOCKS] * desc[POSITIONS]):
            at = position * channels * lanes * 4
            x, y = f32_at(frame[ARENA] + desc[X] + at), f32_at(frame[ARENA] + desc[Y] + at)
            for c in range(channels):
                row = c * lanes
                for i in range(row, row + lanes):
                    y[i] = np.float32(0)
                for other in range(max(0, c - reach), min(channels, c + reach + 1)):
                    shift = (other - c) * lanes
                    for i in range(row, row + lanes):
                        y[i] += x[i + shift] * x[i + shift]
                for i in range(row, row + lanes):
                    y[i] = x[i] * power(fma(alpha, y[i], k), exponent)

    return lrn_across


def _within():
    def lrn_within(desc, frame):
        positions, taps, counts = i64_at(desc[POSITIONS]), i64_at(desc[TAPS]), f32_at(desc[COUNTS])
        constants, run = f32_at(desc[CONSTANTS]), desc[CHANNELS] * desc[LANES]
        k, alpha, exponent = constants[0], constants[1], constants[2]
        for block in range(frame[BLOCKS]):
            x_block = frame[ARENA] + desc[X] + block * desc[BLOCK] * 4
            for p in range(desc[POSITION_COUNT]):
                x = f32_at(x_block + positions[4 * p] * 4)
                own = f32_at(x_block + positions[4 * p + 3] * 4)
                y = f32_at(frame[ARENA] + desc[Y] + (block * desc[BLOCK] + positions[4 * p + 3]) * 4)
                for i in range(run):
                    y[i] = np.float32(0)
                for t in range(positions[4 * p + 1], positions[4 * p + 2]):
                    at = taps[2 * t]
                    for i in range(run):
                        y[i] += x[at + i] * x[at + i]
                count = counts[p]
                for i in range(run):
                    y[i] = own[i] * power(fma(alpha, y[i] / count, k), exponent)

    return lrn_within


@family("lrn_across", "LRN", when=lambda lowering: lowering.layer.params.norm_region == "ACROSS_CHANNELS")
def lower_across(lowering: Lowering) -> Lowered:
    """x * (k + alpha / n * sum of n neighbouring channels' squares) ** -beta."""
    params, layout = lowering.layer.params, lowering.top()
    constants = np.array([params.k, params.alpha / params.local_size, -params.beta], np.float32)
    sizes = {CHANNELS: layout.channels, POSITIONS: layout.positions, REACH: params.local_size // 2, LANES: B}
    descriptor = words(7, sizes | {CONSTANTS: address(constants)})
    source = KernelSource(KernelName("lrn_across", lowering.isa.name), _across)
    blobs = {X: lowering.layer.bottoms[0], Y: lowering.layer.tops[0]}
    return Lowered([Step(source, descriptor, blobs, (constants,))])


@family("lrn_within", "LRN", when=lambda lowering: lowering.layer.params.norm_region == "WITHIN_CHANNEL")
def lower_within(lowering: Lowering) -> Lowered:
    """x * (1 + alpha * mean of the squares in a square of positions) ** -beta."""
    params, layout = lowering.layer.params, lowering.top()
    size, reach = params.local_size, params.local_size // 2
    lists = tap_lists(layout, layout, Window((size, size), pad=(reach, reach)))
    positions, taps = lists.in_elements(layout, layout)
    counts = np.ascontiguousarray(params.squares_pooling().counts(layout.height, layout.width))
    constants = np.array([1.0, params.alpha, -params.beta], np.float32)
    descriptor = {
        CHANNELS: layout.channels,
        POSITIONS: address(positions),
        POSITION_COUNT: len(positions),
        CONSTANTS: address(constants),
        LANES: B,
        TAPS: address(taps),
        COUNTS: address(counts),
        BLOCK: layout.block_elements,
    }
    source = KernelSource(KernelName("lrn_within", lowering.isa.name), _within)
    blobs = {X: lowering.layer.bottoms[0], Y: lowering.layer.tops[0]}
    return Lowered([Step(source, words(10, descriptor), blobs, (positions, taps, counts, constants))])
