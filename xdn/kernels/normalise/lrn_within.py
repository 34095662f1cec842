"""LRN within channels: every value times a power of the energy of the positions around it.

For a position and a row, of a channel's images or of a vector of channels::

    energy = 0
    for tap in taps(position):                             the square's positions that exist, row-major
        energy += x[tap] * x[tap]
    y = x * (1 + alpha * energy / count[position]) ** -beta

Units: x is counted in elements.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import S64, real
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BOTH, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import fold_taps, row_builder, row_elements
from xdn.kernels.core.taps import plain_lists_footprint, plain_tap_lists
from xdn.kernels.normalise.lrn import plus_square, scaled
from xdn.layers.window import Window


class Within(Descriptor):
    """Tables of `TapLists`, in elements; what each position's sum is divided by; elements of a block; rows.

    constants
        1, alpha, -beta.
    """

    x, y = Place(), Place()
    positions, taps, counts, constants = Pointer(S64), Pointer(S64), Pointer(), Pointer()
    position_count, y_block, rows = Size(), Size(), Size()


def within(target: Target, schedule: Schedule = BATCH) -> KernelSource:
    """Return the kernel for an instruction set."""
    return kernel_source(KernelName(schedule.op("lrn_within"), target.name), lambda: _body(target, schedule), Within)


def _row(target: Target, schedule: Schedule) -> Callable[..., None]:
    """Return the intrinsic that computes one row of one position from the positions around it."""

    @emitted(VOID, POINTER, WORDS, I64, I64, NUMBER, POINTER, POINTER, POINTER)
    def row(irbuilder, *args):
        b = row_builder(irbuilder, target, schedule)
        *window, count, own, constants, y = args
        (energy,) = fold_taps(b, window, [b.number(0)], partial(plus_square, b))
        b.store(scaled(b, b.div(energy, b.broadcast(count)), b.load(own), constants), y)

    return row


def _body(target: Target, schedule: Schedule) -> KernelBody:
    """Return the loop nest around the windows, as Numba compiles it."""
    row, elements = _row(target, schedule), row_elements(target, schedule)

    def lrn_within(d, frame):
        positions, taps, counts, constants, rows = d.positions, d.taps, d.counts, d.constants, d.rows
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.y_block), at_element(frame, d.y, block * d.y_block)
            for p in range(begin, stop):
                x_window, first, end = moved(x, positions[4 * p]), positions[4 * p + 1], positions[4 * p + 2]
                x_own, y_own, count = moved(x, positions[4 * p + 3]), moved(y, positions[4 * p + 3]), counts[p]
                for r in range(0, rows * elements, elements):
                    row(moved(x_window, r), taps, first, end, count, moved(x_own, r), constants, moved(y_own, r))

    return lrn_within


def _square(lowering: Lowering) -> tuple[tuple[int, int], tuple[int, int], Window]:
    """Return the sizes over which the square of neighbours slides, how often it does, and itself."""
    sizes = (lowering.top().height, lowering.top().width)
    size = lowering.params.local_size
    return sizes, sizes, Window((size, size), pad=(size // 2, size // 2))


def _footprint(lowering: Lowering) -> Footprint:
    """Return what the tables of positions take."""
    return plain_lists_footprint(*_square(lowering))


def _over_positions(lowering: Lowering) -> bool:
    """Return whether the neighbours are positions."""
    return bool(lowering.params.norm_region == "WITHIN_CHANNEL")


@family("lrn_within", "LRN", when=_over_positions, schedules=BOTH, footprint=_footprint)
def lower_within(lowering: Lowering) -> Lowered:
    """x * (1 + alpha * mean of the squares in a square of positions) ** -beta."""
    params, layout = lowering.params, lowering.top()
    positions, taps = plain_tap_lists(*_square(lowering)).in_elements(layout, layout)
    words = lowering.words(
        Within,
        positions=positions,
        taps=taps,
        counts=np.ascontiguousarray(params.squares_pooling().counts((layout.height, layout.width))),
        constants=np.array([1.0, params.alpha, -params.beta], real),
        position_count=len(positions),
        rows=layout.position_elements // row_elements(lowering.target, lowering.schedule),
    )
    return Lowered([Step(within(lowering.target, lowering.schedule), words)])
