"""Layers that map 8-bit integers element by element (`mapped.py`): sums and maxima of blobs, activations; Quantize.

No operation is fused with another, so that all processors give the same bits.
"""

from collections.abc import Sequence

import numpy as np
from llvmlite import ir

from xdn.codegen.words import WordBuilder
from xdn.element import real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.groups import group_channels, group_count
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.work import Phase
from xdn.kernels.elementwise.mapped import MOST_BOTTOMS, Mapping, lower_mapped
from xdn.layers.function import functions
from xdn.layers.relu import ReLU

#: Cycles of a vector of bytes of results, and of each of its bottoms.
_VECTOR_CYCLES, _BOTTOM_CYCLES = 12.0, 8.0


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
        return lower_mapped(lowering, mapping, factors=_scales(lowering))
    coefficients = np.array(lowering.params.coeff or (1.0,) * len(lowering.bottoms), real)
    return lower_mapped(lowering, Mapping("integers_sum", _sum), factors=coefficients * _scales(lowering))


@family("integers_prelu", "PReLU", quantized=True, schedules=BOTH, phases=_phases)
def lower_prelu(lowering: Lowering) -> Lowered:
    """Multiply negative values by the channel's slope."""
    top = lowering.top()
    slope = np.broadcast_to(lowering.layer.weights["slope"], top.channels)
    padded = aligned_vectors(slope, group_count(top) * group_channels(lowering.target, lowering.schedule))
    mapping = Mapping("integers_prelu", lambda b, x, slopes: ReLU.formula(b, *x, *slopes), per_channel=1)
    return lower_mapped(lowering, mapping, factors=_scales(lowering), coefficients=padded)


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
    return lower_mapped(lowering, mapping, factors=_scales(lowering), constants=constants)


@family(
    "quantize", "Quantize", when=lambda lowering: not lowering.params.bf16, elements=(), schedules=BOTH, phases=_phases
)
def lower_quantize(lowering: Lowering) -> Lowered:
    """Make integers of f32."""
    return lower_mapped(
        lowering, Mapping("quantize", lambda b, x, constants: x[0]), inverse=lowering.params.quantized.inverse
    )
