"""What maps blobs that are stored in less than f32 element by element, and blobs of f32 that become such.

For a position and a group of channels (`xdn/kernels/core/groups.py`)::

    v[i] = f32(x[i]) * factor[i]                           each bottom, of a row the same at all positions; integers
                                                           have a factor
    r    = f(v[0], v[1], ..., constants)
    y    = r                                               as bf16, or as integers: clip(rint(r * inverse))

All in f32, each operation rounded once and none fused with another, that `f` does not fuse itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, S8, U8, Element, real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, stored_words, together
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


class MappedRows(Mapped):
    """Elements from one position to the next, 0 of a row, and of a block, where some of three bottoms are rows."""

    x0_pitch, x1_pitch, x2_pitch, x0_block, x1_block, x2_block, y_block = (Size() for _ in range(7))


#: As many bottoms as a kernel takes of which some are rows.
_MOST_WITH_ROWS = 3
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

    def mapped_rows(d, frame):
        factors, constants, coefficients, inverse = d.factors, d.constants, d.coefficients, d.inverse
        groups, channels, positions = d.groups, d.channels, d.positions
        begin, end = portion(frame, frame.blocks * positions)
        for unit in range(begin, end):
            block = unit // positions
            p = unit - block * positions
            x0 = at_element(frame, d.x0, block * d.x0_block + p * d.x0_pitch)
            x1 = at_element(frame, d.x1, block * d.x1_block + p * d.x1_pitch)
            x2 = at_element(frame, d.x2, block * d.x2_block + p * d.x2_pitch)
            y = at_element(frame, d.y, block * d.y_block + p * d.y_pitch)
            position(x0, x1, x2, x0, x0, x0, x0, x0, y, factors, constants, coefficients, inverse, groups, channels)

    return mapped_rows if _has_rows(lowering) else mapped


def _has_rows(lowering: Lowering) -> bool:
    """Return whether some bottoms have one position where the top has several."""
    positions = lowering.top().positions
    return any(lowering.bottom(number).positions != positions for number in range(len(lowering.bottoms)))


def _row_steps(lowering: Lowering) -> dict[str, int]:
    """Return the values of the fields of `MappedRows`."""
    top, found = lowering.top(), {"y_block": lowering.top().block_elements}
    for name, number in zip(_BOTTOMS, range(len(lowering.bottoms)), strict=False):
        layout = lowering.bottom(number)
        found[f"{name}_block"] = layout.block_elements
        found[f"{name}_pitch"] = layout.position_elements if layout.positions == top.positions else 0
    return found


def channel_rows(lowering: Lowering, rows: Sequence[Array]) -> Array:
    """Return `Mapped.coefficients`: rows of one number for each channel, 1 for those after the last."""
    top = lowering.top()
    word = together(blob.element for blob in (*lowering.bottoms, *lowering.tops))
    room = group_count(top, word) * group_channels(lowering.target, lowering.schedule, word)
    padded = np.ones((len(rows), room), real)
    for own, values in zip(padded, rows, strict=True):
        own[: top.channels] = np.ravel(values)
    return aligned_vectors(padded)


def lower_mapped(lowering: Lowering, mapping: Mapping, **given: Any) -> Lowered:
    """Return the step of a mapping; `given` are factors, constants or coefficients.

    Of three bottoms at most some may be rows.
    """
    layer, top = lowering.layer, lowering.top()
    elements = [blob.element for blob in (*lowering.bottoms, *lowering.tops)]
    *read, stored = elements
    padded = (read + read[:1] * MOST_BOTTOMS)[:MOST_BOTTOMS]
    with_rows = _has_rows(lowering)
    assert not with_rows or len(read) <= _MOST_WITH_ROWS
    declared: type[Mapped] = redeclared(MappedRows if with_rows else Mapped, stored, Place, "y")
    for bottom, element in zip(_BOTTOMS, padded, strict=True):
        declared = redeclared(declared, element, Place, bottom)
    words = (MappedRows if with_rows else Mapped)(
        **dict(zip(_BOTTOMS, layer.bottoms, strict=False)),
        y=layer.tops[0],
        positions=top.positions,
        x_pitch=lowering.bottom().position_elements,
        y_pitch=top.position_elements,
        groups=group_count(top, together(elements)),
        channels=top.channels,
        **(_row_steps(lowering) if with_rows else {}),
        **({"inverse": lowering.inverse} | given),
    )
    parts = (*(element.name for element in read[1:]), *stored_words(read[0], stored, lowering.target))
    op = f"{mapping.op}_rows" if with_rows else mapping.op
    name = KernelName(lowering.schedule.op(op), lowering.target.name, parts, element=read[0])
    return Lowered([Step(kernel_source(name, partial(_body, lowering, mapping, elements), declared), words)])
