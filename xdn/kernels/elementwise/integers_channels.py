"""Layers that map 8-bit integers by numbers of their channels: Scale, Bias, Axpy, normalisation by kept statistics.

For a position of an image and a group of channels (`xdn/kernels/core/groups.py`)::

    v[i] = f32(x[i]) * factor[i]                           each bottom; of a row the same at all positions
    r    = f(v[0], v[1], ..., coefficients of the channels)
    y    = r                                               or as integers: clip(rint(r * inverse))

All in f32, each operation rounded once and none fused with another, so that all processors give the same bits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from llvmlite import ir

from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.words import WordBuilder
from xdn.element import REAL, S8, U8, Element, real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.broadcast import along_channels

#: Cycles of a vector of bytes of results, and of each of its bottoms.
_VECTOR_CYCLES, _BOTTOM_CYCLES = 16.0, 8.0
#: (builder, a value of each bottom, coefficients) -> the value of the top.
Combine = Callable[[WordBuilder, Sequence[ir.Value], Sequence[ir.Value]], ir.Value]


class Mapped(Descriptor):
    """Up to three bottoms and the top; of each the elements from one position to the next, and of a block.

    factors
        Of bottoms.
    coefficients, channel_room
        Those of all channels, one row after the other, and the numbers of a row.
    inverse
        The reciprocal of the scale of a top of integers.
    """

    x0, x1, x2, y = (Place() for _ in range(4))
    x0_pitch, x1_pitch, x2_pitch, y_pitch = (Size() for _ in range(4))
    x0_block, x1_block, x2_block, y_block = (Size() for _ in range(4))
    positions, groups, channels, channel_room = (Size() for _ in range(4))
    factors, coefficients = Pointer(), Pointer()
    inverse = Number()


_BOTTOMS = ("x0", "x1", "x2")


@dataclass(frozen=True)
class Mapping:
    """What a kernel computes of each element.

    Parameters
    ----------
    op : str
        As kernel names have it.
    combine : callable
        (builder, values, coefficients) -> value.
    coefficients : int
        How many it takes of each channel.
    """

    op: str
    combine: Combine
    coefficients: int = 0


def _emit(groups: Groups, mapping: Mapping, elements: Sequence[Element], args: Sequence[ir.Value]) -> None:
    """Emit all groups of a position; `elements` are those of the bottoms and of the top."""
    b, (*read, top) = groups.b, elements
    bottoms, (y, factors, coefficients, inverse, count, channels, room) = args[: len(read)], args[len(_BOTTOMS) :]
    scales = [b.broadcast(b.scalar(factors, number)) for number in range(len(read))]
    inverse = b.broadcast(inverse)

    def one_group(g: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        at = b.ir.mul(g, b.const(group_elements(b.target, groups.schedule)))
        first = b.ir.mul(g, b.const(group_channels(b.target, groups.schedule)))
        last = b.ir.sub(b.ir.sub(channels, first), b.const(1))
        values = [groups.values(b.offset(x, at), *how) for x, *how in zip(bottoms, read, scales, strict=True)]
        rows = [b.ir.add(first, b.ir.mul(room, b.const(number))) for number in range(mapping.coefficients)]
        own = [groups.coefficients(b.offset(coefficients, row)) for row in rows]
        results = [
            mapping.combine(b, [each[row] for each in values], [each[row] for each in own])
            for row in range(groups.rows)
        ]
        groups.store(results, b.offset(y, at), top, inverse, last)
        return carried

    b.loop(b.const(0), count, [], one_group)


def _body(lowering: Lowering, mapping: Mapping, elements: Sequence[Element]) -> KernelBody:
    """Return the loop over positions."""
    kinds = [Kind(element, "pointer") for element in elements]
    bottoms = (kinds[:-1] + kinds[:1] * len(_BOTTOMS))[: len(_BOTTOMS)]

    @emitted(VOID, *bottoms, kinds[-1], POINTER, POINTER, NUMBER, I64, I64, I64)
    def position(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit(Groups.of(irbuilder, lowering.target, lowering.schedule), mapping, elements, args)

    def mapped(d, frame):
        positions = d.positions
        begin, end = portion(frame, frame.blocks * positions)
        for unit in range(begin, end):
            block = unit // positions
            p = unit - block * positions
            position(
                # Those that the layer does not have are not read.
                at_element(frame, d.x0, block * d.x0_block + p * d.x0_pitch),
                at_element(frame, d.x1, block * d.x1_block + p * d.x1_pitch),
                at_element(frame, d.x2, block * d.x2_block + p * d.x2_pitch),
                at_element(frame, d.y, block * d.y_block + p * d.y_pitch),
                d.factors,
                d.coefficients,
                d.inverse,
                d.groups,
                d.channels,
                d.channel_room,
            )

    return mapped


def _lower(lowering: Lowering, mapping: Mapping, *coefficients: Array) -> Lowered:
    """Return the step of a mapping; `coefficients` (C,) each."""
    layer, top = lowering.layer, lowering.top()
    elements = [blob.element for blob in (*lowering.bottoms, *lowering.tops)]
    *read, stored = elements
    declared = redeclared(Mapped, stored, Place, "y")
    for bottom, element in zip(_BOTTOMS, (read + read[:1] * len(_BOTTOMS)), strict=False):
        declared = redeclared(declared, element, Place, bottom)
    room = group_count(top) * group_channels(lowering.target, lowering.schedule)
    rows = np.ones((len(coefficients), room), real)
    rows[:, : top.channels] = np.reshape(coefficients, (len(rows), top.channels))
    given: dict[str, object] = {}
    for number, (field, blob) in enumerate(zip(_BOTTOMS, layer.bottoms, strict=False)):
        layout = lowering.bottom(number)
        alike = layout.positions == top.positions
        given |= {field: blob, f"{field}_block": layout.block_elements}
        given[f"{field}_pitch"] = layout.position_elements if alike else 0
    words = declared(
        **given,
        y=layer.tops[0],
        y_block=top.block_elements,
        y_pitch=top.position_elements,
        positions=top.positions,
        groups=group_count(top),
        channels=top.channels,
        channel_room=room,
        factors=np.array([how.scale for how in layer.integers], real),
        coefficients=aligned_vectors(rows),
        inverse=lowering.inverse,
    )
    parts = (*(element.name for element in read[1:]), "to", stored.name)
    name = KernelName(lowering.schedule.op(mapping.op), lowering.target.name, parts, element=read[0])
    return Lowered([Step(kernel_source(name, partial(_body, lowering, mapping, elements), declared), words)])


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what bottoms that are taken apart, and tops that are put together take."""
    return lowering.moving_bytes(_VECTOR_CYCLES + len(lowering.bottoms) * _BOTTOM_CYCLES)


def _stores(lowering: Lowering) -> bool:
    return lowering.tops[0].element in (REAL, U8, S8)


_TIMES = Mapping("integers_times", lambda b, x, c: b.mul(x[0], c[0]), 1)
_TIMES_PLUS = Mapping("integers_times_plus", lambda b, x, c: b.add(b.mul(x[0], c[0]), c[1]), 2)
_PLUS = Mapping("integers_plus", lambda b, x, c: b.add(x[0], c[0]), 1)
_TIMES_ROW = Mapping("integers_times_row", lambda b, x, c: b.mul(x[0], x[1]))
_PLUS_ROW = Mapping("integers_plus_row", lambda b, x, c: b.add(x[0], x[1]))
_ROW_TIMES_PLUS = Mapping("integers_row_times_plus", lambda b, x, c: b.add(b.mul(x[0], x[1]), x[2]))
_NORMAL = Mapping("integers_normal", lambda b, x, c: b.div(b.sub(x[0], c[0]), c[1]), 2)
_NORMAL_SCALED = Mapping(
    "integers_normal_scaled", lambda b, x, c: b.add(b.mul(b.div(b.sub(x[0], c[0]), c[1]), c[2]), c[3]), 4
)
_SHIFTED_SCALED = Mapping("integers_shifted_scaled", lambda b, x, c: b.add(b.mul(b.sub(x[0], c[0]), c[1]), c[2]), 3)


@family("integers_scale", "Scale", when=_stores, quantized=True, schedules=BOTH, phases=_phases)
def lower_scale(lowering: Lowering) -> Lowered:
    """Multiply by one factor a channel, and add one offset where there is a bias; or by one an image and channel."""
    weights = lowering.layer.weights
    if not along_channels(lowering.bottoms, lowering.params.axis, lowering.params.num_axes):
        return _lower(lowering, _TIMES_ROW)
    if "bias" in weights:
        return _lower(lowering, _TIMES_PLUS, weights["scale"], weights["bias"])
    return _lower(lowering, _TIMES, weights["scale"])


@family("integers_bias", "Bias", when=_stores, quantized=True, schedules=BOTH, phases=_phases)
def lower_bias(lowering: Lowering) -> Lowered:
    """Add one offset a channel, or one an image and channel."""
    if not along_channels(lowering.bottoms, lowering.params.axis, lowering.params.num_axes):
        return _lower(lowering, _PLUS_ROW)
    return _lower(lowering, _PLUS, lowering.layer.weights["bias"])


@family("integers_axpy", "Axpy", when=_stores, quantized=True, schedules=BOTH, phases=_phases)
def lower_axpy(lowering: Lowering) -> Lowered:
    """Multiply by one factor an image and channel, and add a blob."""
    return _lower(lowering, _ROW_TIMES_PLUS)


@family("integers_batch_norm", "BatchNorm", when=_stores, quantized=True, schedules=BOTH, phases=_phases)
def lower_batch_norm(lowering: Lowering) -> Lowered:
    """Subtract the mean, divide by the deviation of the statistics that training left."""
    params, weights = lowering.params, lowering.layer.weights
    mean, deviation = params.normal(weights)
    if params.scale_bias:
        return _lower(lowering, _NORMAL_SCALED, mean, deviation, weights["scale"], weights["bias"])
    return _lower(lowering, _NORMAL, mean, deviation)


@family("integers_bn", "BN", when=_stores, quantized=True, schedules=BOTH, phases=_phases)
def lower_bn(lowering: Lowering) -> Lowered:
    """Normalise, then scale and shift; or scale and shift alone."""
    return _lower(lowering, _SHIFTED_SCALED, *lowering.params.terms(lowering.layer.weights))
