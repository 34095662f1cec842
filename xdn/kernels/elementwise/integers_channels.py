"""Layers that map 8-bit integers by numbers of their channels (`mapped.py`): Scale, Bias, Axpy, kept statistics.

No operation is fused with another, so that all processors give the same bits.
"""

import numpy as np

from xdn.element import REAL, S8, U8, real
from xdn.graph import Array
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.work import Phase
from xdn.kernels.elementwise.mapped import Mapping, channel_rows, lower_mapped
from xdn.layers.broadcast import along_channels

#: Cycles of a vector of bytes of results, and of each of its bottoms.
_VECTOR_CYCLES, _BOTTOM_CYCLES = 16.0, 8.0


def _lower(lowering: Lowering, mapping: Mapping, *coefficients: Array) -> Lowered:
    """Return the step of a mapping; `coefficients` (C,) each."""
    factors = np.array([how.scale for how in lowering.layer.integers], real)
    return lower_mapped(lowering, mapping, factors=factors, coefficients=channel_rows(lowering, coefficients))


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what bottoms that are taken apart, and tops that are put together take."""
    return lowering.moving_bytes(_VECTOR_CYCLES + len(lowering.bottoms) * _BOTTOM_CYCLES)


def _stores(lowering: Lowering) -> bool:
    return lowering.tops[0].element in (REAL, U8, S8)


_TIMES = Mapping("integers_times", lambda b, x, c: b.mul(x[0], c[0]), per_channel=1)
_TIMES_PLUS = Mapping("integers_times_plus", lambda b, x, c: b.add(b.mul(x[0], c[0]), c[1]), per_channel=2)
_PLUS = Mapping("integers_plus", lambda b, x, c: b.add(x[0], c[0]), per_channel=1)
_TIMES_ROW = Mapping("integers_times_row", lambda b, x, c: b.mul(x[0], x[1]))
_PLUS_ROW = Mapping("integers_plus_row", lambda b, x, c: b.add(x[0], x[1]))
_ROW_TIMES_PLUS = Mapping("integers_row_times_plus", lambda b, x, c: b.add(b.mul(x[0], x[1]), x[2]))
_NORMAL = Mapping("integers_normal", lambda b, x, c: b.div(b.sub(x[0], c[0]), c[1]), per_channel=2)
_NORMAL_SCALED = Mapping(
    "integers_normal_scaled", lambda b, x, c: b.add(b.mul(b.div(b.sub(x[0], c[0]), c[1]), c[2]), c[3]), per_channel=4
)
_SHIFTED_SCALED = Mapping(
    "integers_shifted_scaled", lambda b, x, c: b.add(b.mul(b.sub(x[0], c[0]), c[1]), c[2]), per_channel=3
)


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
