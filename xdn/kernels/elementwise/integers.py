"""Layers that map 8-bit integers element by element: sums and maxima of blobs, activations, and blobs that become such.

For a position and a group of channels (`xdn/kernels/core/groups.py`)::

    v[i] = f32(x[i]) * factor[i]                           each bottom; of an f32 bottom v[0] = x[0]
    r    = f(v[0], v[1], ..., constants)
    y    = r                                               or as integers: clip(rint(r * inverse))

All in f32, each operation rounded once and none fused with another, so that all processors give the same bits.
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
from xdn.element import REAL, Element, real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.function import functions
from xdn.layers.relu import ReLU

#: Cycles of a vector of bytes of results, and of each of its bottoms.
_VECTOR_CYCLES, _BOTTOM_CYCLES = 12.0, 8.0
#: As many bottoms as a kernel takes.
MOST_BOTTOMS = 8
#: (builder, a value of each bottom, constants) -> the value of the top.
Combine = Callable[[WordBuilder, Sequence[ir.Value], Sequence[ir.Value]], ir.Value]


class Mapped(Descriptor):
    """Bottoms and top; elements from one position to the next, groups of a position, channels.

    factors, constants
        Of bottoms, and what the function takes.
    coefficients
        One constant for each channel, instead of these.
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
    per_channel : bool
        It takes one, of its own for each channel.
    """

    op: str
    combine: Combine
    constants: int = 0
    per_channel: bool = False


def _emit(groups: Groups, mapping: Mapping, elements: Sequence[Element], args: Sequence[ir.Value]) -> None:
    """Emit all groups of a position; `elements` are those of the bottoms and of the top."""
    b, (*read, top) = groups.b, elements
    bottoms, (y, factors, constants, coefficients, inverse, count, channels) = args[: len(read)], args[MOST_BOTTOMS:]
    scales = [e != REAL and b.broadcast(b.scalar(factors, number)) for number, e in enumerate(read)]
    shared = [b.broadcast(b.scalar(constants, number)) for number in range(mapping.constants)]
    inverse = b.broadcast(inverse)

    def one_group(g: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        at = b.ir.mul(g, b.const(group_elements(b.target, groups.schedule)))
        first = b.ir.mul(g, b.const(group_channels(b.target, groups.schedule)))
        last = b.ir.sub(b.ir.sub(channels, first), b.const(1))
        loaded = [
            groups.load(b.offset(x, at), last) if element == REAL else groups.values(b.offset(x, at), element, scale)
            for x, element, scale in zip(bottoms, read, scales, strict=True)
        ]
        own = [shared] * groups.rows
        if mapping.per_channel:
            own = [[each] for each in groups.coefficients(b.offset(coefficients, first))]
        results = [mapping.combine(b, values, given) for *values, given in zip(*loaded, own, strict=True)]
        groups.store(results, b.offset(y, at), top, inverse, last)
        return carried

    b.loop(b.const(0), count, [], one_group)


def _body(lowering: Lowering, mapping: Mapping, elements: Sequence[Element]) -> KernelBody:
    """Return the loop over positions."""
    kinds = [Kind(element, "pointer") for element in elements]
    bottoms, top = (kinds[:-1] + kinds[:1] * MOST_BOTTOMS)[:MOST_BOTTOMS], kinds[-1]

    @emitted(VOID, *bottoms, top, POINTER, POINTER, POINTER, NUMBER, I64, I64)
    def position(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit(Groups.of(irbuilder, lowering.target, lowering.schedule), mapping, elements, args)

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


def _lower(lowering: Lowering, mapping: Mapping, **given: Any) -> Lowered:
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
        groups=group_count(top),
        channels=top.channels,
        **({"inverse": lowering.inverse} | given),
    )
    parts = (*(element.name for element in read[1:]), "to", stored.name)
    name = KernelName(lowering.schedule.op(mapping.op), lowering.target.name, parts, element=read[0])
    return Lowered([Step(kernel_source(name, partial(_body, lowering, mapping, elements), declared), words)])


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what bottoms that are taken apart, and tops that are put together take."""
    return lowering.moving_bytes(_VECTOR_CYCLES + len(lowering.bottoms) * _BOTTOM_CYCLES)


def _scales(lowering: Lowering) -> Array:
    """Return what 1 stands for in each bottom."""
    return np.array([how.scale for how in lowering.layer.integers], real)


def _sum(b: WordBuilder, values: Sequence[ir.Value], constants: Sequence[ir.Value]) -> ir.Value:
    total, *others = values
    for value in others:
        total = b.add(total, value)
    return total


def _maximum(b: WordBuilder, values: Sequence[ir.Value], constants: Sequence[ir.Value]) -> ir.Value:
    most, *others = values
    for value in others:
        most = b.larger(value, most)
    return most


def _product(b: WordBuilder, values: Sequence[ir.Value], constants: Sequence[ir.Value]) -> ir.Value:
    product, *others = values
    for value in others:
        product = b.mul(product, value)
    return product


#: What is done to values; the others' sum has factors of its own.
_OF_VALUES = {"MAX": Mapping("integers_maximum", _maximum), "PROD": Mapping("integers_product", _product)}


def _few_bottoms(lowering: Lowering) -> bool:
    return len(lowering.bottoms) <= MOST_BOTTOMS


@family("integers_eltwise", "Eltwise", when=_few_bottoms, quantized=True, schedules=BOTH, phases=_phases)
def lower_eltwise(lowering: Lowering) -> Lowered:
    """Add or multiply integers of several scales, or take the largest."""
    if mapping := _OF_VALUES.get(lowering.params.operation):
        return _lower(lowering, mapping, factors=_scales(lowering))
    coefficients = np.array(lowering.params.coeff or (1.0,) * len(lowering.bottoms), real)
    return _lower(lowering, Mapping("integers_sum", _sum), factors=coefficients * _scales(lowering))


@family("integers_prelu", "PReLU", quantized=True, schedules=BOTH, phases=_phases)
def lower_prelu(lowering: Lowering) -> Lowered:
    """Multiply negative values by the channel's slope."""
    top = lowering.top()
    slope = np.broadcast_to(lowering.layer.weights["slope"], top.channels)
    padded = aligned_vectors(slope, group_count(top) * group_channels(lowering.target, lowering.schedule))
    mapping = Mapping("integers_prelu", lambda b, x, slopes: ReLU.formula(b, *x, *slopes), per_channel=True)
    return _lower(lowering, mapping, factors=_scales(lowering), coefficients=padded)


_FUNCTIONS = [cls for cls in functions() if cls.same_bits]


@family("integers_function", *(cls.type for cls in _FUNCTIONS), quantized=True, schedules=BOTH, phases=_phases)
def lower_function(lowering: Lowering) -> Lowered:
    """Compute the function of what integers stand for."""
    kernel = lowering.params.kernel()
    mapping = Mapping(
        f"integers_{kernel.word}", lambda b, x, constants: kernel.formula(b, *x, *constants), len(kernel.constants)
    )
    with np.errstate(over="ignore"):
        constants = np.array(kernel.constants, real)
    return _lower(lowering, mapping, factors=_scales(lowering), constants=constants)


@family(
    "quantize", "Quantize", when=lambda lowering: not lowering.params.bf16, elements=(), schedules=BOTH, phases=_phases
)
def lower_quantize(lowering: Lowering) -> Lowered:
    """Make integers of f32."""
    return _lower(
        lowering, Mapping("quantize", lambda b, x, constants: x[0]), inverse=lowering.params.quantized.inverse
    )
