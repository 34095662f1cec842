"""8-bit forms of layers with filters: weights as integers, one scale a filter; sums of products are exact.

With x = s_x * x_q of the bottom (`Quantized`) and w[k] = s_w[k] * w_q[k] of filter k, s_x and s_w of f32::

    w_q[k] = clip(rint(w[k] / s_w[k]), -127, 127)          f32; of fewer bits within `weight_range`
    b_q[k] = rint(b[k] / (s_x * s_w[k]))                   f64, within 2^30
    acc    = sum x_q * w_q[k] + b_q[k]                     s32, never beyond its range
    y      = f32(acc) * f32(s_x * s_w[k])                  f32, rounded after each operation

Where only weights are integers (`WeightsOnly`), a layer computes in f32 with f32(w_q[k]) * s_w[k].

Kernels pack what `integer_filters` gives, the references compute with it, and calibration chooses what it reads.
"""

from dataclasses import dataclass

import numpy as np

from xdn.element import real
from xdn.errors import WeightsError, placed
from xdn.graph import Array, Arrays, Layer, LayerParams, Quantized, Weights, WeightsOnly
from xdn.graph.epilogue import PROJECTION_PREFIX, projection_weights
from xdn.graph.quantized import BITS, LEAST_SCALE, MOST_SCALE, MOST_WEIGHT, IntegerWeights, weight_range
from xdn.graph.reading import MOST_BIAS, SCALES


@dataclass(frozen=True, eq=False)
class IntegerFilters:
    """The filters of a layer that reads 8-bit integers.

    Parameters
    ----------
    weight : array
        int8, -127..127, in the shape of the layer's weight.
    bias : (K,) int32
        Zeros where the layer has none.
    factor : (K,) f32
        What each filter's sum is multiplied with: s_x * s_w[k].
    """

    weight: Array
    bias: Array
    factor: Array


def integer_filters(params: LayerParams, weights: Weights, read: Quantized) -> IntegerFilters:
    """Return the filters of a layer with these parameters and weights that reads its bottom as `read` says.

    Raises
    ------
    WeightsError
        Where the weights are not finite, or the layer's own scales do not fit them.
    """
    scales = weight_scales(params, weights, read)
    steps = np.float64(read.scale) * scales.astype(np.float64)
    # Quotients within 2^30 by the choice of the scales, or checked.
    bias = np.rint(_bias(weights, len(scales)) / steps).astype(np.int32)
    weight = rounded_weight(params, weights["weight"], scales, read.weight_bits)
    return IntegerFilters(weight, bias, steps.astype(real))


def weight_scales(params: LayerParams, weights: Weights, read: IntegerWeights) -> Array:
    """Return (K,) f32, what 1 stands for in each filter: the layer's own scales, or what its weights ask for.

    That is f32(max |w[k]| / 127), with fewer bits 2 * mean |w[k]| / sqrt(largest integer) (Esser et al. 2020), with one
    bit mean |w[k]| (Rastegari et al. 2016); 1 of zeros; raised where the bias would be beyond 2^30, or s_x * s_w[k]
    below the least scale. Where the bottom is f32, the bias is, too, and s_x is 1.
    """
    filters = params.filters(weights["weight"])
    filters = filters.reshape(len(filters), -1)
    scale, bias = (
        (read.scale, np.abs(_bias(weights, len(filters))))
        if isinstance(read, Quantized)
        else (1.0, np.zeros(len(filters)))
    )
    largest = np.abs(filters).max(axis=1, initial=0)
    if not (np.isfinite(largest).all() and np.isfinite(bias).all()):
        raise WeightsError("the weights are not all finite: they cannot become integers")
    step = np.float64(scale)
    if SCALES in weights:
        scales = weights[SCALES]
        fits = np.logical_and(bias <= MOST_BIAS * step * scales, may_be_scales(scales, step))
        what = f"{SCALES} does not fit"
        mend = "Calibrate the net anew, or leave the scales out"
    else:
        with np.errstate(over="ignore"):
            scales = np.where(largest > 0, _steps(filters, largest, read.weight_bits), real(1))
            # One f32 further: rounding must not let the quotient pass the bound.
            least = np.maximum(bias / (step * MOST_BIAS), LEAST_SCALE * max(1, 1 / step)).astype(real)
        scales = np.where(scales < least, np.nextafter(least, real(np.inf)), scales)
        fits = may_be_scales(scales, step)
        what = f"its weights, or its bias, are too large for a bottom whose scale is {scale:g}"
        mend = "Keep the layer in f32: delete its int8 scales"
        if isinstance(read, WeightsOnly):
            what, mend = "its weights are too large to become integers", "Keep them in f32: delete its weight_bits"
    if not fits.all():
        raise WeightsError(f"filter {int(np.argmin(fits))}: {what}", mend=mend)
    return scales


def _steps(filters: Array, largest: Array, bits: int) -> Array:
    """Return (K,) f32, the scales that filters (K, n) with these largest magnitudes ask for in so many bits."""
    if bits == BITS:
        return largest / real(MOST_WEIGHT)
    mean: Array = np.abs(filters).mean(axis=1, dtype=np.float64)
    return (mean if bits == 1 else 2 * mean / weight_range(bits)[1] ** 0.5).astype(real)


def may_be_scales(scales: Array, step: float) -> Array:
    """Return (K,) bool: whether each may be a filter's scale, and times the bottom's, `step`, is not beyond f32."""
    scales = scales.astype(np.float64)
    return (scales >= LEAST_SCALE) & (scales <= MOST_SCALE) & (step * scales >= LEAST_SCALE) & (step * scales < 2**127)


def _bias(weights: Weights, filters: int) -> Array:
    """Return the bias (K,) f64, zeros where there is none."""
    return weights["bias"].astype(np.float64) if "bias" in weights else np.zeros(filters)


def along_filters(params: LayerParams, weight: Array, scales: Array) -> Array:
    """Return a view of a weight's shape: the scale of the filter that each number belongs to."""
    filters = params.filters(weight)
    return params.weight_of(np.broadcast_to(scales.reshape(-1, *(1,) * (filters.ndim - 1)), filters.shape))


def rounded_weight(params: LayerParams, weight: Array, scales: Array, bits: int = BITS) -> Array:
    """Return a weight as the nearest multiples of its filters' scales: int8 within `bits`, in the weight's shape.

    With one bit they are 1 from 0 on, else -1.
    """
    if bits == 1:
        return np.where(weight >= 0, 1, -1).astype(np.int8)
    quotient = weight / along_filters(params, weight, scales)
    nearest: Array = np.clip(np.rint(quotient), *weight_range(bits))
    return nearest.astype(np.int8)


def weight_values(params: LayerParams, integers: Array, scales: Array) -> Array:
    """Return what integers stand for, f32: each times the scale of its filter, infinity where that is beyond f32."""
    with np.errstate(over="ignore"):
        values: Array = integers.astype(real) * along_filters(params, integers, scales)
    return values


def contracted(
    params: LayerParams, bottoms: Arrays, read: Quantized, weights: Weights, *, axes_after: int
) -> tuple[Array, ...]:
    """Return what the reference of a layer gives for 8-bit integers; sums are exact, in f64 or, where it can, in f32.

    `axes_after` counts the axes of the top after that of the filters.
    """
    filters = integer_filters(params, weights, read)
    sums_as = _exact(params, filters.weight, read)
    own = {"weight": filters.weight.astype(sums_as), "bias": np.zeros(len(filters.bias), sums_as)}
    (sums,) = params.reference([bottoms[0].astype(sums_as)], own, 1)
    along = (-1, *(1,) * axes_after)
    with np.errstate(over="ignore"):
        return ((sums + filters.bias.astype(np.float64).reshape(along)).astype(real) * filters.factor.reshape(along),)


def _exact(params: LayerParams, weight: Array, read: Quantized) -> type[np.floating]:
    """Return f32 where it holds every sum of a filter's products with 8-bit integers, in any order; else f64.

    No partial sum is beyond the largest integer times the sum of the filter's magnitudes. f32 holds every integer up to
    2^24, f64 sums of 32 bits.
    """
    filters = params.filters(weight)
    magnitudes = np.abs(filters.reshape(len(filters), -1), dtype=np.int64).sum(axis=1)
    most = magnitudes.max(initial=0) * max(-read.range[0], read.range[1])
    return np.float32 if most <= 1 << 24 else np.float64


def with_integer_filters(params: LayerParams, weights: Weights, read: WeightsOnly) -> dict[str, Array]:
    """Return the weights of a layer with these parameters that reads f32, its filters rounded to integers times scales.

    WeightsError as `weight_scales`.
    """
    scales = {SCALES: weight_scales(params, weights, read)}
    return {**weights, "weight": _nearest(params, {**weights, **scales}, read.weight_bits)}


def with_integer_weights(layer: Layer) -> Layer:
    """Return a layer whose weights are to be integers with its weights so rounded, and their scales among its weights.

    It computes the same bits, and a file holds few bits a weight (`xdn.frontend.caffe.weights`). A layer that computes
    with weights in f32, or has no filters, comes back as it is.
    """
    scaled = with_scales(layer)
    rounded = {
        prefix + "weight": _nearest(params, _own(scaled, prefix), read.weight_bits)
        for prefix, params, read in integer_filters_of(scaled)
    }
    return scaled.replace(weights={**scaled.weights, **rounded}) if rounded else layer


def with_scales(layer: Layer) -> Layer:
    """Return a layer whose weights are to be integers with the scales of its filters among its weights, which stay.

    Raises
    ------
    WeightsError
        As `weight_scales`, of the layer.
    """
    with placed(layer.place, WeightsError):
        scales = {
            prefix + SCALES: weight_scales(params, _own(layer, prefix), read)
            for prefix, params, read in integer_filters_of(layer)
        }
    return layer.replace(weights={**layer.weights, **scales}) if scales else layer


def has_integer_weights(layer: Layer) -> bool:
    """Return whether a layer has filters with scales, and all their weights are integers times these to the bit."""
    return bool(found := integer_filters_of(layer)) and all(
        SCALES in (own := _own(layer, prefix))
        and np.array_equal(_nearest(params, own, read.weight_bits), own["weight"])
        for prefix, params, read in found
    )


def integer_filters_of(layer: Layer) -> list[tuple[str, LayerParams, IntegerWeights]]:
    """Return what the names of a layer's filters begin with, their parameters, and how they read their bottom.

    These are its own and those of a fused projection; none where they are not to be integers, or there are none.
    """
    read = layer.integer_weights
    if not read or "weight" not in layer.weights:
        return []
    projection = [] if layer.projection is None else [(PROJECTION_PREFIX, layer.projection, read[-1])]
    return [("", layer.params, read[0]), *projection]


def _own(layer: Layer, prefix: str) -> Weights:
    """Return the weights of a layer, or of its projection, under their own names."""
    return projection_weights(layer.weights) if prefix else layer.weights


def _nearest(params: LayerParams, weights: Weights, bits: int) -> Array:
    """Return the weight among weights rounded to integers times the scales of its filters, f32."""
    scales = weights[SCALES]
    return weight_values(params, rounded_weight(params, weights["weight"], scales, bits), scales)
