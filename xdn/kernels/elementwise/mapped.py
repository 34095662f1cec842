"""What maps blobs that are stored in less than f32 element by element, and blobs of f32 that become such.

For a position and a group of channels (`xdn/kernels/core/groups.py`)::

    v[i] = f32(x[i]) * factor[i]                           each bottom; without a factor where it is no integer
    r    = f(v[0], v[1], ..., constants)
    y    = r                                               as bf16, or as integers: clip(rint(r * inverse))

All in f32, each operation rounded once and none fused with another, that `f` does not fuse itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llvmlite import ir

from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, S8, U8, Element
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_count, stored_words, together
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.portion import portion

#: As many bottoms as a kernel takes.
MOST_BOTTOMS = 8
#: (builder, a value of each bottom, constants) -> the value of the top.
Combine = Callable[[WordBuilder, Sequence[ir.Value], Sequence[ir.Value]], ir.Value]


class Mapped(Descriptor):
    """Bottoms and top; elements from one position to the next, groups of a position, channels.

    factors, constants
        Of bottoms, and what the function takes.
    coefficients
        One constant for each channel, instead of these; several rows of such.
    inverse
        The reciprocal of the scale of a top of integers.
    """

    x0, x1, x2, x3, x4, x5, x6, x7, y = (Place() for _ in range(MOST_BOTTOMS + 1))
    positions, x_pitch, y_pitch, groups, channels = (Size() for _ in range(5))
    factors, constants, coefficients = Pointer(), Pointer(), Pointer()
    inverse = Number()


_BOTTOMS = [f"x{number}" for number in range(MOST_BOTTOMS)]


@dataclass(frozen=True)
class Mapping:
    """What a kernel computes of each element.

    Parameters
    ----------
    op : str
        As kernel names have it.
    combine : callable
        (builder, values, constants) -> value.
    constants : int
        How many it takes.
    per_channel : int
        How many it takes, in place of these, of which each channel has its own.
    """

    op: str
    combine: Combine
    constants: int = 0
    per_channel: int = 0


def _emit(groups: Groups, mapping: Mapping, elements: Sequence[Element], args: Sequence[ir.Value]) -> None:
    """Emit all groups of a position; `elements` are those of the bottoms and of the top."""
    b, (*read, top) = groups.b, elements
    bottoms, (y, factors, constants, coefficients, inverse, count, channels) = args[: len(read)], args[MOST_BOTTOMS:]
    scales = [e in (U8, S8) and b.broadcast(b.scalar(factors, number)) for number, e in enumerate(read)]
    shared = [b.broadcast(b.scalar(constants, number)) for number in range(mapping.constants)]
    inverse = b.broadcast(inverse)

    def one_group(g: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        at = b.ir.mul(g, b.const(groups.elements))
        first = b.ir.mul(g, b.const(groups.channels))
        last = b.ir.sub(b.ir.sub(channels, first), b.const(1))
        loaded = [
            groups.read(b.offset(x, _there(groups, at, last, element, top)), element, last, scale)
            for x, element, scale in zip(bottoms, read, scales, strict=True)
        ]
        own = [shared] * groups.rows
        if mapping.per_channel:
            row = b.ir.mul(count, b.const(groups.channels))
            places = [first, *(b.ir.add(first, b.ir.mul(row, b.const(n))) for n in range(1, mapping.per_channel))]
            rows = [groups.coefficients(b.offset(coefficients, place)) for place in places]
            own = [list(each) for each in zip(*rows, strict=True)]
        results = [mapping.combine(b, values, given) for *values, given in zip(*loaded, own, strict=True)]
        groups.store(results, b.offset(y, at), top, inverse, last)
        return carried

    b.loop(b.const(0), count, [], one_group)


def _there(groups: Groups, at: ir.Value, last: ir.Value, bottom: Element, top: Element) -> ir.Value:
    """Return where a group of a bottom is; of bf16 the top may have a group more, for which the one before stands."""
    b = groups.b
    if groups.schedule is BATCH or bottom == top or top != BF16:
        return at
    return b.ir.select(b.ir.icmp_signed("<", last, b.const(0)), b.ir.sub(at, b.const(groups.elements)), at)


def _body(lowering: Lowering, mapping: Mapping, elements: Sequence[Element]) -> KernelBody:
    """Return the loop over positions."""
    kinds = [Kind(element, "pointer") for element in elements]
    bottoms, top = (kinds[:-1] + kinds[:1] * MOST_BOTTOMS)[:MOST_BOTTOMS], kinds[-1]

    @emitted(VOID, *bottoms, top, POINTER, POINTER, POINTER, NUMBER, I64, I64)
    def position(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        groups = Groups.of(irbuilder, lowering.target, lowering.schedule, together(elements))
        _emit(groups, mapping, elements, args)

    def mapped(d, frame):
        factors, constants, coefficients, inverse = d.factors, d.constants, d.coefficients, d.inverse
        groups, channels, x_pitch, y_pitch = d.groups, d.channels, d.x_pitch, d.y_pitch
        begin, end = portion(frame, frame.blocks * d.positions)
        for p in range(begin, end):
            at = p * x_pitch
            position(
                # Those that the layer does not have are not read.
                at_element(frame, d.x0, at),
                at_element(frame, d.x1, at),
                at_element(frame, d.x2, at),
                at_element(frame, d.x3, at),
                at_element(frame, d.x4, at),
                at_element(frame, d.x5, at),
                at_element(frame, d.x6, at),
                at_element(frame, d.x7, at),
                at_element(frame, d.y, p * y_pitch),
                factors,
                constants,
                coefficients,
                inverse,
                groups,
                channels,
            )

    return mapped


def lower_mapped(lowering: Lowering, mapping: Mapping, **given: Any) -> Lowered:
    """Return the step of a mapping; `given` are factors, constants or coefficients."""
    layer, top = lowering.layer, lowering.top()
    elements = [blob.element for blob in (*lowering.bottoms, *lowering.tops)]
    *read, stored = elements
    padded = (read + read[:1] * MOST_BOTTOMS)[:MOST_BOTTOMS]
    declared = redeclared(Mapped, stored, Place, "y")
    for bottom, element in zip(_BOTTOMS, padded, strict=True):
        declared = redeclared(declared, element, Place, bottom)
    words = Mapped(
        **dict(zip(_BOTTOMS, layer.bottoms, strict=False)),
        y=layer.tops[0],
        positions=top.positions,
        x_pitch=lowering.bottom().position_elements,
        y_pitch=top.position_elements,
        groups=group_count(top, together(elements)),
        channels=top.channels,
        **({"inverse": lowering.inverse} | given),
    )
    parts = (*(element.name for element in read[1:]), *stored_words(read[0], stored, lowering.target))
    name = KernelName(lowering.schedule.op(mapping.op), lowering.target.name, parts, element=read[0])
    return Lowered([Step(kernel_source(name, partial(_body, lowering, mapping, elements), declared), words)])
