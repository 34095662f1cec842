"""LRN across channels of bf16, in f32: by the operations of `lrn.py`, in their order.

For a position and a group of channels (`xdn/kernels/core/groups.py`), with those around it that hold neighbours::

    energy[c] = 0
    for other in range(c - reach, c + reach + 1):          channels that do not exist are zeros
        energy[c] += x[other] * x[other]
    y[c] = x[c] * (k + alpha * energy[c]) ** -beta

The reach is part of the kernel: in blocks of images neighbours are rows, which both channels of a word have in common;
of one image they are vectors that begin at any channel, put together of two.
"""

from collections.abc import Sequence
from functools import partial, reduce

from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.element import Element
from xdn.kernels.core.descriptor import Number, Place, Size, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_count, stored_words, together
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.kernels.normalise.lrn import Across, across_words, is_across, plus_square, scaled

#: Cycles of a vector of f32, of images, and of the channels of one image.
_CYCLES = (75.0, 105.0)


class GroupedAcross(Across):
    """What it is told beside: elements from one position of the bottom to the next, groups, 1 / scale of integers."""

    x_pitch, groups, inverse = Size(), Size(), Number()


def _emit(groups: Groups, reach: int, elements: tuple[Element, Element], args: Sequence[ir.Value]) -> None:
    """Emit all groups of a position; `elements` are those of bottom and top."""
    (x, constants, y, inverse, count, channels), b, (bottom, top) = args, groups.b, elements
    sides = -(-reach // groups.channels)
    end = b.ir.sub(count, b.const(1))

    def values_of(g: ir.Value) -> list[ir.Value]:
        """Return the values of group `g`, zeros for channels that do not exist."""
        first = b.ir.mul(g, b.const(groups.channels))
        least = b.ir.select(b.ir.icmp_signed("<", g, b.const(0)), b.const(0), g)
        there = b.ir.select(b.ir.icmp_signed("<", least, end), least, end)
        last = b.ir.sub(b.ir.sub(channels, b.ir.mul(there, b.const(groups.channels))), b.const(1))
        found = groups.read(b.offset(x, b.ir.mul(there, b.const(groups.elements))), bottom, last)
        # As numbers without a sign those before the first are beyond the last.
        if groups.schedule is BATCH:
            exist = [b.ir.icmp_unsigned("<", b.ir.add(first, b.const(row)), channels) for row in range(groups.rows)]
        else:
            numbers = b.ir.add(b.lane_numbers(), b.same_word(first))
            exist = [b.ir.icmp_unsigned("<", numbers, b.same_word(channels))]
        return [b.ir.select(each, value, b.number(0)) for each, value in zip(exist, found, strict=True)]

    def one_group(g: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        around = [value for side in range(-sides, sides + 1) for value in values_of(b.ir.add(g, b.const(side)))]
        own = range(sides * groups.rows, (sides + 1) * groups.rows)
        # All energies before the first power: neighbours need not be kept while that is computed.
        energies = [
            reduce(
                partial(plus_square, b),
                (_at(groups, around, number, distance) for distance in range(-reach, reach + 1)),
                b.number(0),
            )
            for number in own
        ]
        results = [scaled(b, energy, around[number], constants) for energy, number in zip(energies, own, strict=True)]
        last = b.ir.sub(b.ir.sub(channels, b.ir.mul(g, b.const(groups.channels))), b.const(1))
        groups.store(results, b.offset(y, b.ir.mul(g, b.const(groups.elements))), top, b.broadcast(inverse), last)
        return carried

    b.loop(b.const(0), count, [], one_group)


def _at(groups: Groups, around: Sequence[ir.Value], number: int, distance: int) -> ir.Value:
    """Return the channels that are so far from those of the value `number`."""
    if groups.schedule is BATCH:
        return around[number + distance]
    lanes = groups.b.target.lanes
    vectors, begin = divmod(distance, lanes)
    one = around[number + vectors]
    if not begin:
        return one
    mask = ir.Constant(ir.VectorType(I32, lanes), list(range(begin, begin + lanes)))
    return groups.b.ir.shuffle_vector(one, around[number + vectors + 1], mask)


def _body(lowering: Lowering, reach: int) -> KernelBody:
    """Return the loop over positions, as Numba compiles it."""
    elements = lowering.bottoms[0].element, lowering.tops[0].element
    x_kind, y_kind = (Kind(element, "pointer") for element in elements)

    @emitted(VOID, x_kind, POINTER, y_kind, NUMBER, I64, I64)
    def position(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        groups = Groups.of(irbuilder, lowering.target, lowering.schedule, together(elements))
        _emit(groups, reach, elements, args)

    def lrn_across(d, frame):
        begin, end = portion(frame, frame.blocks * d.positions)
        for p in range(begin, end):
            x, y = at_element(frame, d.x, p * d.x_pitch), at_element(frame, d.y, p * d.y_pitch)
            position(x, d.constants, y, d.inverse, d.groups, d.channels)

    return lrn_across


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    vectors = lowering.top().block_elements / lowering.target.lanes
    return lowering.moving(0.0, vectors * _CYCLES[0 if lowering.schedule is BATCH else 1])


@family("bf16_lrn_across", "LRN", when=is_across, bf16=True, schedules=BOTH, phases=_phases)
def lower_across(lowering: Lowering) -> Lowered:
    """x * (k + alpha / n * sum of n neighbouring channels' squares) ** -beta."""
    bottom, top = lowering.bottoms[0].element, lowering.tops[0].element
    words = lowering.words(
        GroupedAcross,
        **across_words(lowering),
        groups=group_count(lowering.top(), together((bottom, top))),
        inverse=lowering.inverse,
    )
    # Channels that do not exist are not summed however far the window reaches.
    reach = min(words.reach, lowering.top().channels - 1)
    op = lowering.schedule.op(f"lrn_across{2 * reach + 1}")
    name = KernelName(op, lowering.target.name, stored_words(bottom, top, lowering.target), element=bottom)
    declared = redeclared(redeclared(GroupedAcross, bottom, Place, "x"), top, Place, "y")
    return Lowered([Step(kernel_source(name, partial(_body, lowering, reach), declared), words)])
