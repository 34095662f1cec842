"""Layers that map blobs of bf16 element by element (`mapped.py`): each by the formula of f32; Quantize to bf16.

The operations, and their order, are those of the kernels of f32, so that a top differs from theirs by its rounding.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from llvmlite import ir

from xdn.codegen.words import WordBuilder
from xdn.element import BF16, real
from xdn.graph import Array
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.work import Phase
from xdn.kernels.elementwise.affine import AFFINE_TYPES, affine_terms, is_affine
from xdn.kernels.elementwise.mapped import MOST_BOTTOMS, Mapping, channel_rows, lower_mapped
from xdn.layers.function import Kernel, functions
from xdn.layers.relu import ReLU

#: Cycles of a vector of bf16 of results, of images and of channels, and of each of its bottoms.
_VECTOR_CYCLES, _BOTTOM_CYCLES = (3.5, 8.0), 3.0
_Values = Sequence[ir.Value]


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what bottoms that are taken apart, and tops that are put together take."""
    vectors = lowering.top().block_elements * BF16.bytes / lowering.target.vector_bytes
    own = _VECTOR_CYCLES[0 if lowering.schedule is BATCH else 1]
    return lowering.moving(0.0, vectors * (own + len(lowering.bottoms) * _BOTTOM_CYCLES))


def _mapped(
    lowering: Lowering, mapping: Mapping, constants: Sequence[float] = (), rows: Sequence[Array] = ()
) -> Lowered:
    """Return the step of a mapping that takes constants, or rows of one for each channel."""
    layer = lowering.layer
    with np.errstate(over="ignore"):
        given = {"constants": np.array(constants, real), "coefficients": channel_rows(lowering, rows)}
    lowered = lower_mapped(lowering, mapping, **given)
    # A group is loaded as a whole before it is stored.
    in_place = {layer.tops[0]: layer.bottoms[0]} if lowering.bottom() == lowering.top() else {}
    return Lowered(lowered.steps, in_place=in_place)


def _sum(b: WordBuilder, values: _Values, constants: _Values) -> ir.Value:
    if constants:
        values = [b.mul(factor, value) for factor, value in zip(constants, values, strict=True)]
    return reduce(b.add, values)


def _product(b: WordBuilder, values: _Values, constants: _Values) -> ir.Value:
    return reduce(b.mul, values)


def _maximum(b: WordBuilder, values: _Values, constants: _Values) -> ir.Value:
    first, second, *others = values
    return reduce(lambda most, value: b.larger(value, most), others, b.larger(first, second))


def _few_bottoms(lowering: Lowering) -> bool:
    return len(lowering.bottoms) <= MOST_BOTTOMS


@family("bf16_eltwise", "Eltwise", when=_few_bottoms, bf16=True, schedules=BOTH, phases=_phases)
def lower_eltwise(lowering: Lowering) -> Lowered:
    """Add, multiply, or take the largest, from the first blob to the last."""
    operation, coefficients = lowering.params.operation, lowering.params.coeff
    if operation == "SUM" and any(factor != 1 for factor in coefficients):
        return _mapped(lowering, Mapping("weighted_sum", _sum, len(coefficients)), coefficients)
    word, combine = {"SUM": ("sum", _sum), "PROD": ("product", _product), "MAX": ("maximum", _maximum)}[operation]
    return _mapped(lowering, Mapping(word, combine))


@family("bf16_affine", *AFFINE_TYPES, when=is_affine, bf16=True, schedules=BOTH, phases=_phases)
def lower_affine(lowering: Lowering) -> Lowered:
    """(x - shift) * factor + offset, of each channel."""

    def affine(b: WordBuilder, x: _Values, terms: _Values) -> ir.Value:
        (value,), (shift, factor, offset) = x, terms
        return b.fused(b.sub(value, shift), factor, offset)

    return _mapped(lowering, Mapping("affine", affine, per_channel=3), rows=affine_terms(lowering))


def _along_images(lowering: Lowering) -> bool:
    return bool(lowering.params.along_images(lowering.bottoms))


@family("bf16_scale_by", "Scale", when=_along_images, bf16=True, schedules=BOTH, phases=_phases)
def lower_scale_by(lowering: Lowering) -> Lowered:
    """Multiply by one factor an image and channel."""
    return _mapped(lowering, Mapping("product", _product))


@family("bf16_shift_by", "Bias", when=_along_images, bf16=True, schedules=BOTH, phases=_phases)
def lower_shift_by(lowering: Lowering) -> Lowered:
    """Add one value an image and channel."""
    return _mapped(lowering, Mapping("sum", _sum))


@family("bf16_axpy", "Axpy", bf16=True, schedules=BOTH, phases=_phases)
def lower_axpy(lowering: Lowering) -> Lowered:
    """Multiply by one factor an image and channel, and add a blob."""
    return _mapped(lowering, Mapping("scaled_sum", lambda b, x, constants: b.add(b.mul(x[0], x[1]), x[2])))


@family("bf16_prelu", "PReLU", bf16=True, schedules=BOTH, phases=_phases)
def lower_prelu(lowering: Lowering) -> Lowered:
    """Multiply negative values by the channel's slope."""
    mapping = Mapping("prelu", lambda b, x, slopes: ReLU.formula(b, *x, *slopes), per_channel=1)
    return _mapped(lowering, mapping, rows=[lowering.layer.weights["slope"]])


def _function(lowering: Lowering, kernel: Kernel) -> Lowered:
    mapping = Mapping(kernel.word, lambda b, x, constants: kernel.formula(b, *x, *constants), len(kernel.constants))
    return _mapped(lowering, mapping, kernel.constants)


@family("bf16_function", *(cls.type for cls in functions()), bf16=True, schedules=BOTH, phases=_phases)
def lower_function(lowering: Lowering) -> Lowered:
    """Compute the function of each element."""
    return _function(lowering, lowering.params.kernel())


@family("bf16_times", "Dropout", bf16=True, schedules=BOTH, phases=_phases)
def lower_dropout(lowering: Lowering) -> Lowered:
    """Multiply by what training left to the test phase."""
    return _function(lowering, Kernel("times", lambda m, x, factor: m.mul(x, factor), (lowering.params.factor,)))


def _to_bf16(lowering: Lowering) -> bool:
    return bool(lowering.params.bf16)


@family("bf16_quantize", "Quantize", when=_to_bf16, elements=(), schedules=BOTH, phases=_phases)
def lower_quantize(lowering: Lowering) -> Lowered:
    """Round f32 to bf16."""
    return _mapped(lowering, Mapping("quantize", lambda b, x, constants: x[0]))
