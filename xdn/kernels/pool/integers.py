"""Pooling of 8-bit integers over tap lists: maxima byte by byte, averages as sums in s32.

For a block of images, an output position and MR vectors of bytes, whatever channels and images they are of::

    acc[r] = the least integer                             r < MR
    for tap in taps(position):
        acc[r] = max(acc[r], x[tap][r])
    y[r] = acc[r]

For an output position and a group of channels (`xdn/kernels/core/groups.py`)::

    acc = 0
    for tap in taps(position):
        acc = acc + x[tap]                                 in s32
    y = f32(acc) * factor[position]                        or its integers; factor = scale / count
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, NUMBER, VOID, WORDS, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.codegen.words import WordBuilder
from xdn.element import S8, U8, Element, real
from xdn.kernels.core.descriptor import Place, over, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements, stored_words
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import each_tap
from xdn.kernels.core.work import Phase
from xdn.kernels.pool.pooling import Pooling, WordPooling, pooling_footprint, window_taps, window_words

#: Vectors of bytes that are folded at a time.
VECTORS = 4
#: Cycles of a vector of bytes of results, and of each of its taps.
_VECTOR_CYCLES, _TAP_CYCLES = {"MAX": 4.0, "AVE": 40.0}, {"MAX": 2.5, "AVE": 10.0}


def _largest(b: WordBuilder, vectors: int, element: Element, args: Sequence[ir.Value]) -> None:
    """Emit the maxima of some vectors of bytes of one position."""
    *window, y = args
    size = b.target.vector_bytes
    kind, compare = ir.VectorType(ir.IntType(8), size), b.ir.icmp_signed if element == S8 else b.ir.icmp_unsigned

    def one_tap(tap_x: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        loaded = [b.ir.bitcast(b.load_words(tap_x, v), kind) for v in range(vectors)]
        return [b.ir.select(compare(">", x, most), x, most) for x, most in zip(loaded, acc, strict=True)]

    least = ir.Constant(kind, [-128 if element == S8 else 0] * size)
    for v, most in enumerate(each_tap(b, window, [least] * vectors, one_tap)):
        b.store_words(b.ir.bitcast(most, ir.VectorType(ir.IntType(32), size // 4)), y, v)


def _maximum_body(target: Target, element: Element) -> KernelBody:
    """Return the loop nest around the windows, as Numba compiles it."""
    pointer, vector_bytes = Kind(element, "pointer"), target.vector_bytes

    def folding(vectors: int) -> Callable[..., None]:
        @emitted(VOID, pointer, WORDS, I64, I64, pointer)
        def fold(irbuilder, *args):
            _largest(WordBuilder(irbuilder, target), vectors, element, args)

        return fold

    many, one = folding(VECTORS), folding(1)

    def pool(d, frame):
        positions, taps, vectors = d.positions, d.taps, d.rows
        whole = vectors - vectors % VECTORS
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            for p in range(begin, stop):
                x = at_element(frame, d.x, block * d.x_block + positions[4 * p])
                y = at_element(frame, d.y, block * d.y_block + positions[4 * p + 3])
                first, end = positions[4 * p + 1], positions[4 * p + 2]
                for v in range(0, whole, VECTORS):
                    many(moved(x, v * vector_bytes), taps, first, end, moved(y, v * vector_bytes))
                for v in range(whole, vectors):
                    one(moved(x, v * vector_bytes), taps, first, end, moved(y, v * vector_bytes))

    return pool


def _average_body(lowering: Lowering) -> KernelBody:
    """Return the same for sums of groups."""
    target, schedule = lowering.target, lowering.schedule
    (bottom,), (top,) = lowering.bottoms, lowering.tops
    size, channels_of_group = group_elements(target, schedule), group_channels(target, schedule)

    @emitted(
        VOID, Kind(bottom.element, "pointer"), WORDS, *[I64] * 2, NUMBER, Kind(top.element, "pointer"), NUMBER, I64
    )
    def average(irbuilder, *args):
        groups = Groups.of(irbuilder, target, schedule)
        *window, factor, y, inverse, last = args
        b = groups.b

        def one_tap(tap_x, acc):
            return [b.ir.add(total, x) for total, x in zip(acc, groups.integers(tap_x, bottom.element), strict=True)]

        sums = each_tap(b, window, [b.integer(0)] * groups.rows, one_tap)
        values = [b.mul(b.rounded(total), b.broadcast(factor)) for total in sums]
        groups.store(values, y, top.element, b.broadcast(inverse), last)

    def pool(d, frame):
        positions, taps, factors, groups, channels = d.positions, d.taps, d.counts, d.rows, d.channels
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            for p in range(begin, stop):
                x = at_element(frame, d.x, block * d.x_block + positions[4 * p])
                y = at_element(frame, d.y, block * d.y_block + positions[4 * p + 3])
                first, end, factor = positions[4 * p + 1], positions[4 * p + 2], factors[p]
                for g in range(groups):
                    last = channels - g * channels_of_group - 1
                    average(moved(x, g * size), taps, first, end, factor, moved(y, g * size), d.inverse, last)

    return pool


def _phases(lowering: Lowering, pool: str) -> tuple[Phase, ...]:
    """Return what the windows take; sums need the room of vectors of s32."""
    return lowering.moving_bytes(_VECTOR_CYCLES[pool] + window_taps(lowering) * _TAP_CYCLES[pool])


@family(
    "integers_pool",
    "Pooling",
    when=lambda lowering: len(lowering.tops) == 1,
    schedules=BOTH,
    elements=(U8, S8),
    footprint=pooling_footprint,
    phases=partial(_phases, pool="MAX"),
)
def lower_maximum(lowering: Lowering) -> Lowered:
    """Take the maximum of each window; an average that hands integers on has windows of one element."""
    element, vectors = lowering.tops[0].element, lowering.top().position_elements // lowering.target.vector_bytes
    words = lowering.words(Pooling, **window_words(lowering), rows=vectors)
    # Vectors of bytes are alike in both schedules.
    return Lowered(
        [lowering.step("max_pool", partial(_maximum_body, lowering.target, element), words, serves_both=True)]
    )


@family(
    "integers_average",
    "Pooling",
    when=lambda lowering: lowering.params.pool == "AVE",
    quantized=True,
    schedules=BOTH,
    footprint=pooling_footprint,
    phases=partial(_phases, pool="AVE"),
)
def lower_average(lowering: Lowering) -> Lowered:
    """Sum each window's integers, and multiply by what the scale and the window's size ask for."""
    element, top = lowering.bottoms[0].element, lowering.tops[0].element
    factors = real(lowering.layer.integers[0].scale) / lowering.params.counts(lowering.bottoms[0].shape[2:])
    words = lowering.words(
        WordPooling,
        **window_words(lowering),
        counts=np.ascontiguousarray(factors, real),
        rows=group_count(lowering.top()),
        inverse=lowering.inverse,
    )
    name = KernelName(
        lowering.schedule.op("average_pool"),
        lowering.target.name,
        stored_words(element, top, lowering.target),
        element=element,
    )
    declared = redeclared(over(WordPooling, element), top, Place, "y")
    return Lowered([Step(kernel_source(name, partial(_average_body, lowering), declared), words)])
