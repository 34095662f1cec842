"""Pooling of bf16 over tap lists, in f32: by the operations of `pooling.py`, in their order.

For an output position and some groups of channels (`xdn/kernels/core/groups.py`)::

    acc = LOWEST                                           average: 0
    for tap in taps(position):
        acc = f32(x[tap]) if f32(x[tap]) > acc else acc    average: acc + f32(x[tap])
    y = acc                                                average: acc / count[position]

as f32, as bf16, or as integers.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, NUMBER, VOID, WORDS, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.element import BF16
from xdn.kernels.core.descriptor import Place, over, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements, stored_words, together
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import each_tap
from xdn.kernels.core.work import Phase
from xdn.kernels.pool.pooling import METHODS, ROWS, WordPooling, pooling_footprint, window_taps, window_words

#: Cycles of a vector of bf16 of results, and of each of its taps.
_VECTOR_CYCLES, _TAP_CYCLES = 8.0, {"MAX": 3.0, "AVE": 5.0}


def _word(lowering: Lowering) -> int:
    """Return the channels of a group of the batch schedule."""
    return together((BF16, lowering.tops[0].element))


def _fold(lowering: Lowering, op: str, groups: Groups, args: Sequence[ir.Value], number: int) -> None:
    """Emit some groups of one position."""
    *window, count, y, inverse, last = args
    b, method, rows, top = groups.b, METHODS[op], groups.rows, lowering.tops[0].element
    lasts = [b.ir.sub(last, b.const(n * groups.channels)) for n in range(number)]
    combine = method.combine(b)

    def one_tap(tap_x: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        read = (groups.read(b.offset(tap_x, n * groups.elements), BF16, lasts[n]) for n in range(number))
        return [combine(value, x) for value, x in zip(acc, (x for group in read for x in group), strict=True)]

    folded = each_tap(b, window, [b.number(method.start)] * (rows * number), one_tap)
    values = [method.finish(b, value, b.broadcast(count)) for value in folded]
    for n in range(number):
        place = b.offset(y, n * groups.elements)
        groups.store(values[n * rows : (n + 1) * rows], place, top, b.broadcast(inverse), lasts[n])


def _body(lowering: Lowering, op: str) -> KernelBody:
    """Return the loop nest around the windows, as Numba compiles it."""
    target, schedule, word = lowering.target, lowering.schedule, _word(lowering)
    size, channels_of_group = group_elements(target, schedule, word), group_channels(target, schedule, word)
    # As many values at a time as `pooling.py` has.
    most = ROWS // word if schedule is BATCH else ROWS
    x_kind, y_kind = Kind(BF16, "pointer"), Kind(lowering.tops[0].element, "pointer")

    def folding(number: int) -> Callable[..., None]:
        @emitted(VOID, x_kind, WORDS, I64, I64, NUMBER, y_kind, NUMBER, I64)
        def fold(irbuilder, *args):
            _fold(lowering, op, Groups.of(irbuilder, target, schedule, word), args, number)

        return fold

    many, one = folding(most), folding(1)

    def pool(d, frame):
        positions, taps, counts, groups, channels = d.positions, d.taps, d.counts, d.rows, d.channels
        inverse, whole = d.inverse, groups - groups % most
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            for p in range(begin, stop):
                x = at_element(frame, d.x, block * d.x_block + positions[4 * p])
                y = at_element(frame, d.y, block * d.y_block + positions[4 * p + 3])
                first, end, count = positions[4 * p + 1], positions[4 * p + 2], counts[p]
                for g in range(0, whole, most):
                    last = channels - g * channels_of_group - 1
                    many(moved(x, g * size), taps, first, end, count, moved(y, g * size), inverse, last)
                for g in range(whole, groups):
                    last = channels - g * channels_of_group - 1
                    one(moved(x, g * size), taps, first, end, count, moved(y, g * size), inverse, last)

    return pool


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the windows take."""
    vectors = lowering.top().block_elements * BF16.bytes / lowering.target.vector_bytes
    return lowering.moving(0.0, vectors * (_VECTOR_CYCLES + window_taps(lowering) * _TAP_CYCLES[lowering.params.pool]))


_WINDOWED: dict[str, Any] = {"schedules": BOTH, "footprint": pooling_footprint, "phases": _phases}


def _one_top(lowering: Lowering) -> bool:
    return len(lowering.tops) == 1


@family("bf16_maximum", "Pooling", when=_one_top, elements=(BF16,), **_WINDOWED)
@family("bf16_pool", "Pooling", when=_one_top, bf16=True, **_WINDOWED)
def lower_pooling(lowering: Lowering) -> Lowered:
    """Take the maximum or the average of each window, clipped at the border as Caffe does."""
    top, params, word = lowering.tops[0].element, lowering.params, _word(lowering)
    words = lowering.words(
        WordPooling,
        **window_words(lowering),
        counts=np.ascontiguousarray(params.counts(lowering.bottoms[0].shape[2:])),
        rows=group_count(lowering.top(), word),
        inverse=lowering.inverse,
    )
    op = "max_pool" if params.pool == "MAX" else "average_pool"
    name = KernelName(
        lowering.schedule.op(op), lowering.target.name, stored_words(BF16, top, lowering.target), element=BF16
    )
    declared = redeclared(over(WordPooling, BF16), top, Place, "y")
    return Lowered([Step(kernel_source(name, partial(_body, lowering, op), declared), words)])
