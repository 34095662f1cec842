"""Pooling over tap lists: the values of one position are one run of consecutive rows.

For a block of images, an output position and MR rows (of images, or of channels)::

    acc[r] = LOWEST                                        r < MR; average: 0
    for tap in taps(position):
        acc[r] = x[tap][r] if x[tap][r] > acc[r] else acc[r]     maximum: passes over NaN, as in Caffe
        acc[r] = acc[r] + x[tap][r]                              average
    y[r] = acc[r]                                          maximum
    y[r] = acc[r] / count[position]                        average

All accumulators stay in registers over the taps. Denormals count as zero where workers flush them. Units: x is
counted in elements.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import S64
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BOTH, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import Combine, fold_taps, row_builder, row_elements
from xdn.kernels.core.taps import TapLists, plain_lists_footprint, plain_tap_lists
from xdn.kernels.core.work import Phase
from xdn.layers.pooling import LOWEST

#: Rows that are folded at a time (MR): at two registers each, they leave half of 16 free.
ROWS = 4
#: Cycles of a vector of results, and of each of its taps: sums wait for each other.
_ROW_CYCLES, _TAP_CYCLES = 4.0, {"MAX": 2.2, "AVE": 4.0}


class Pooling(Descriptor):
    """Tables of `TapLists`, in elements; what the sum at each position is divided by; elements of blocks; rows."""

    x, y = Place(), Place()
    positions, taps, counts = Pointer(S64), Pointer(S64), Pointer()
    position_count, x_block, y_block, rows = (Size() for _ in range(4))


class WordPooling(Pooling):
    """What kernels of groups are told beside: channels, and the reciprocal of the scale of a top of integers.

    counts
        What the sum at each position is multiplied with, or divided by.
    rows
        Groups of channels.
    """

    channels = Size()
    inverse = Number()


@dataclass(frozen=True)
class Method:
    """How a window becomes one value: where it starts, what a tap does, and the end (builder, value, count)."""

    start: float
    combine: Callable[[VectorBuilder], Combine]
    finish: Callable[[VectorBuilder, ir.Value, ir.Value], ir.Value]


#: By operation, as kernel names spell it.
METHODS = {
    "max_pool": Method(float(LOWEST), lambda b: lambda acc, x: b.larger(x, acc), lambda b, acc, count: acc),
    "average_pool": Method(0.0, lambda b: b.add, lambda b, acc, count: b.div(acc, count)),
}


def pooling(op: str, target: Target, schedule: Schedule = BATCH) -> KernelSource:
    """Return the kernel of ``"max_pool"`` or ``"average_pool"`` for an instruction set."""
    name = KernelName(schedule.op(op), target.name)
    return kernel_source(name, lambda: _body(METHODS[op], target, schedule), Pooling)


def _rows(method: Method, rows: int, target: Target, schedule: Schedule) -> Callable[..., None]:
    """Return the intrinsic that computes `rows` rows of one position."""

    @emitted(VOID, POINTER, WORDS, I64, I64, NUMBER, POINTER)
    def fold(irbuilder, *args):
        b = row_builder(irbuilder, target, schedule)
        *window, count, y = args
        folded = fold_taps(b, window, [b.number(method.start)] * rows, method.combine(b))
        for r, value in enumerate(folded):
            b.store(method.finish(b, value, b.broadcast(count)), y, r)

    return fold


def _body(method: Method, target: Target, schedule: Schedule) -> KernelBody:
    """Return the loop nest around the windows, as Numba compiles it."""
    many, one = _rows(method, ROWS, target, schedule), _rows(method, 1, target, schedule)
    row = row_elements(target, schedule)

    def pool(d, frame):
        positions, taps, counts, rows = d.positions, d.taps, d.counts, d.rows
        whole = rows - rows % ROWS
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            for p in range(begin, stop):
                x = at_element(frame, d.x, block * d.x_block + positions[4 * p])
                y = at_element(frame, d.y, block * d.y_block + positions[4 * p + 3])
                first, end, count = positions[4 * p + 1], positions[4 * p + 2], counts[p]
                for r in range(0, whole, ROWS):
                    many(moved(x, r * row), taps, first, end, count, moved(y, r * row))
                for r in range(whole, rows):
                    one(moved(x, r * row), taps, first, end, count, moved(y, r * row))

    return pool


def pooling_footprint(lowering: Lowering) -> Footprint:
    """Return what the tables of positions take."""
    sizes = lowering.bottoms[0].shape[2:]
    return plain_lists_footprint(sizes, lowering.tops[0].shape[2:], lowering.params.window(sizes))


def _lists(lowering: Lowering) -> TapLists:
    """Return the taps of each window that meet data."""
    sizes = lowering.bottoms[0].shape[2:]
    return plain_tap_lists(sizes, lowering.tops[0].shape[2:], lowering.params.window(sizes))


def window_words(lowering: Lowering) -> dict[str, object]:
    """Return the tables of windows, and the elements that they are in."""
    positions, taps = _lists(lowering).in_elements(lowering.bottom(), lowering.top())
    return {"positions": positions, "taps": taps, "position_count": len(positions)}


def window_taps(lowering: Lowering) -> float:
    """Return the taps of a window that meet data, on average."""
    lists = _lists(lowering)
    return lists.multiplications / len(lists.positions)


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the windows take."""
    taps = window_taps(lowering)
    return lowering.moving(_ROW_CYCLES + taps * _TAP_CYCLES["MAX" if lowering.params.pool == "MAX" else "AVE"])


@family(
    "pool",
    "Pooling",
    when=lambda lowering: len(lowering.tops) == 1 and not lowering.params.is_dilated,
    schedules=BOTH,
    footprint=pooling_footprint,
    phases=_phases,
)
def lower_pooling(lowering: Lowering) -> Lowered:
    """Take the maximum or the average of each window, clipped at the border as Caffe does."""
    words = lowering.words(
        Pooling,
        **window_words(lowering),
        counts=np.ascontiguousarray(lowering.params.counts(lowering.bottoms[0].shape[2:])),
        rows=lowering.bottom().position_elements // row_elements(lowering.target, lowering.schedule),
    )
    op = "max_pool" if lowering.params.pool == "MAX" else "average_pool"
    return Lowered([Step(pooling(op, lowering.target, lowering.schedule), words)])
