"""LRN: every value times a power of the energy around it, across channels or within one.

For a block of images, a position and a channel::

    energy = 0                                             a row: one value for each image
    for other in range(c - reach, c + reach + 1):          across: neighbouring channels that exist, ascending
        energy += x[other] * x[other]
    for tap in taps(position):                             within: the square's positions that exist, row-major
        energy += x[tap][c] * x[tap][c]
    energy /= count[position]                              within
    y[c] = x[c] * (k + alpha * energy) ** -beta

Squares are summed anew for each channel: a sum that slides along would subtract, and carry their errors on. Units: x
is counted in f32, B from one channel to the next.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from llvmlite import ir

from xdn.codegen import formulas
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, NUMBER, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import ARENA, BATCH, BLOCKS, BOTH, F32_BYTES, B, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import fold_taps, row_at, row_builder, row_elements
from xdn.kernels.core.taps import plain_lists_footprint, plain_tap_lists
from xdn.layers.window import Window

#: CONSTANTS: k, alpha (across: / n), -beta. REACH: neighbours on each side.
X, Y, CHANNELS, POSITIONS, REACH, CONSTANTS = range(6)
#: ROW_COUNT: rows of a position; TAPS: the square's elements; COUNTS: what each position's sum is divided by.
ROW_COUNT, POSITION_COUNT, TAPS, COUNTS, BLOCK = 2, 4, 6, 7, 8


def across(target: Target) -> KernelSource:
    """Return the kernel that sums over channels, for an instruction set."""
    return KernelSource(KernelName("lrn_across", target.name), lambda: _across(target))


def within(target: Target, schedule: Schedule = BATCH) -> KernelSource:
    """Return the kernel that sums over positions, for an instruction set."""
    return KernelSource(KernelName(schedule.op("lrn_within"), target.name), lambda: _within(target, schedule))


def plus_square(b: VectorBuilder, total: ir.Value, x: ir.Value) -> ir.Value:
    return b.add(total, b.mul(x, x))


def scaled(b: VectorBuilder, energy: ir.Value, x: ir.Value, constants: ir.Value) -> ir.Value:
    """Return x * (k + alpha * energy) ** -beta for one row; `constants` points to k, alpha and -beta."""
    k, alpha, exponent = (b.broadcast(b.scalar(constants, i)) for i in range(3))
    return b.mul(x, formulas.power(b, b.fused(alpha, energy, k), exponent))


def _across_row(target: Target) -> Callable[..., None]:
    """Return the intrinsic that computes one channel from the channels `first` <= other < `end` of its position."""

    @emitted(VOID, F32_POINTER, I64, I64, I64, F32_POINTER, F32_POINTER)
    def row(irbuilder, *args):
        b = row_builder(irbuilder, target)
        x, c, first, end, constants, y = args

        def add_neighbour(other, energy):
            return [plus_square(b, energy[0], b.load(row_at(b, x, other)))]

        (energy,) = b.loop(first, end, [b.number(0)], add_neighbour)
        b.store(scaled(b, energy, b.load(row_at(b, x, c)), constants), row_at(b, y, c))

    return row


def _across(target: Target) -> KernelBody:
    """Return the loops over positions and channels, as Numba compiles them."""
    row = _across_row(target)

    def lrn_across(desc, frame):
        channels, reach, constants = desc[CHANNELS], desc[REACH], f32_at(desc[CONSTANTS])
        for position in range(frame[BLOCKS] * desc[POSITIONS]):
            at = position * channels * B * F32_BYTES
            x, y = f32_at(frame[ARENA] + desc[X] + at), f32_at(frame[ARENA] + desc[Y] + at)
            for c in range(channels):
                row(x, c, max(0, c - reach), min(channels, c + reach + 1), constants, y)

    return lrn_across


def _within_row(target: Target, schedule: Schedule) -> Callable[..., None]:
    """Return the intrinsic that computes one row of one position from the positions around it."""

    @emitted(VOID, F32_POINTER, WORDS, I64, I64, NUMBER, F32_POINTER, F32_POINTER, F32_POINTER)
    def row(irbuilder, *args):
        b = row_builder(irbuilder, target, schedule)
        *window, count, own, constants, y = args
        (energy,) = fold_taps(b, window, [b.number(0)], partial(plus_square, b))
        b.store(scaled(b, b.div(energy, b.broadcast(count)), b.load(own), constants), y)

    return row


def _within(target: Target, schedule: Schedule) -> KernelBody:
    """Return the loop nest around the windows, as Numba compiles it."""
    row, elements = _within_row(target, schedule), row_elements(target, schedule)

    def lrn_within(desc, frame):
        positions, taps, counts = i64_at(desc[POSITIONS]), i64_at(desc[TAPS]), f32_at(desc[COUNTS])
        constants = f32_at(desc[CONSTANTS])
        begin, stop = portion(frame, desc[POSITION_COUNT])
        for block in range(frame[BLOCKS]):
            x = frame[ARENA] + desc[X] + block * desc[BLOCK] * F32_BYTES
            y = frame[ARENA] + desc[Y] + block * desc[BLOCK] * F32_BYTES
            for p in range(begin, stop):
                for r in range(desc[ROW_COUNT]):
                    window, own = positions[4 * p] + r * elements, positions[4 * p + 3] + r * elements
                    row(
                        f32_at(x + window * F32_BYTES),
                        taps,
                        positions[4 * p + 1],
                        positions[4 * p + 2],
                        counts[p],
                        f32_at(x + own * F32_BYTES),
                        constants,
                        f32_at(y + own * F32_BYTES),
                    )

    return lrn_within


def across_constants(lowering: Lowering) -> np.ndarray:
    """Return k, alpha / n and -beta of a layer that sums over channels."""
    params = lowering.layer.params
    return np.array([params.k, params.alpha / params.local_size, -params.beta], np.float32)


@family("lrn_across", "LRN", when=lambda lowering: lowering.layer.params.norm_region == "ACROSS_CHANNELS")
def lower_across(lowering: Lowering) -> Lowered:
    """x * (k + alpha / n * sum of n neighbouring channels' squares) ** -beta."""
    params, layout = lowering.layer.params, lowering.top()
    constants = across_constants(lowering)
    sizes = {CHANNELS: layout.channels, POSITIONS: layout.positions, REACH: params.local_size // 2}
    descriptor = words(6, sizes | {CONSTANTS: address(constants)})
    blobs = {X: lowering.layer.bottoms[0], Y: lowering.layer.tops[0]}
    return Lowered([Step(across(lowering.target), descriptor, blobs, (constants,))])


def _square(lowering: Lowering) -> tuple[tuple[int, int], tuple[int, int], Window]:
    """Return the sizes over which the square of a layer that sums within channels slides, its places, and itself."""
    sizes = (lowering.top().height, lowering.top().width)
    size = lowering.layer.params.local_size
    return sizes, sizes, Window((size, size), pad=(size // 2, size // 2))


def _within_footprint(lowering: Lowering) -> Footprint:
    """Return what the tables of positions take."""
    return plain_lists_footprint(*_square(lowering))


@family(
    "lrn_within",
    "LRN",
    when=lambda lowering: lowering.layer.params.norm_region == "WITHIN_CHANNEL",
    schedules=BOTH,
    footprint=_within_footprint,
)
def lower_within(lowering: Lowering) -> Lowered:
    """x * (1 + alpha * mean of the squares in a square of positions) ** -beta."""
    params, layout = lowering.layer.params, lowering.top()
    lists = plain_tap_lists(*_square(lowering))
    positions, taps = lists.in_elements(layout, layout)
    counts = np.ascontiguousarray(params.squares_pooling().counts((layout.height, layout.width)))
    constants = np.array([1.0, params.alpha, -params.beta], np.float32)
    descriptor = {
        ROW_COUNT: layout.position_elements // row_elements(lowering.target, lowering.schedule),
        POSITIONS: address(positions),
        POSITION_COUNT: len(positions),
        CONSTANTS: address(constants),
        TAPS: address(taps),
        COUNTS: address(counts),
        BLOCK: layout.block_elements,
    }
    blobs = {X: lowering.layer.bottoms[0], Y: lowering.layer.tops[0]}
    return Lowered(
        [
            Step(
                within(lowering.target, lowering.schedule),
                words(9, descriptor),
                blobs,
                (positions, taps, counts, constants),
            )
        ]
    )
