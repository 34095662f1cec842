"""Fuse BatchNorm, Scale, Bias and linear Powers into the layer of filters before them."""

from dataclasses import replace

import numpy as np

from xdn.element import real
from xdn.graph import Array, Layer, Net
from xdn.graph.quantized import weight_range
from xdn.graph.reading import SCALES
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.filters import Filters
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.integer import (
    along_filters,
    integer_filters_of,
    may_be_scales,
    rounded_weight,
    weight_values,
    with_scales,
)
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.fuse.affine import Affine, Chain, follow, output_axis
from xdn.optimize.match import names, sharers, title
from xdn.optimize.stage import STAGES


@STAGES.register("fuse-batch-norm")
class FuseBatchNorm(Fusion):
    """Fuse BatchNorm, BN, Scale, Bias and linear Power into the Convolution, Deconvolution or InnerProduct before them.

    Each is y = a * x + d for every channel, and so are several one after another, in any order:

    - BatchNorm: a = 1 / sqrt(variance + eps), d = -mean * a, mean and variance divided by scale_factor; BN and NVIDIA's
      BatchNorm with the scale and shift that they have inside
    - Scale: a = scale, d = bias
    - Bias: a = 1, d = bias
    - Power, of power 1: a = scale, d = shift

    With x = W * u + b follows y = W' * u + b', where ``W'[k] = a[k] * W[k]`` and ``b' = a * b + d``; a layer
    without bias gets one. Computed in float64 and rounded to f32 once. Where weights alone are integers times the
    scales of filters, the scales are multiplied, and the integers change their sign at most.
    """

    after = ("eliminate-dead",)

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Follow every convolution and inner product to the affine layers after it."""
        if not isinstance(layer.params, (Filters, InnerProduct)):
            return
        chain = follow(net, layer, edits)
        found = _fuse(net, layer, chain)
        if isinstance(found, Layer):
            edits.made[layer.name] = found
            edits.change(layer, f"took in {', '.join(map(title, chain.layers))}", chain.layers)
        elif found:
            edits.refuse(chain.layers[0], f"stays after {title(layer)}: {found}")


def _fuse(net: Net, layer: Layer, chain: Chain) -> Layer | str | None:
    """Return the fused layer, why there is none, or None where no affine layer follows."""
    if chain.affine is None:
        return None
    if (reason := _why_fixed_filters(net, layer)) is not None:
        return reason
    if layer.epilogue is not None:
        return f"{layer.name!r} ends in a fused activation or sum"
    if output_axis(net, layer) < 1:
        return f"the outputs of {layer.name!r} are not the channels of its top"
    weights = _scaled(layer, chain.affine)
    if weights is None:
        return f"its factors do not leave the weights of {layer.name!r} what they are, integers of few bits"
    if not all(np.isfinite(array).all() for array in weights.values()):
        return "the fused weights are not finite in f32"
    params = replace(layer.params, bias_term=True)  # type: ignore[type-var]
    return layer.replace(params=params, weights=weights, tops=chain.layers[-1].tops)


def _why_fixed_filters(net: Net, layer: Layer) -> str | None:
    """Return why filters cannot be multiplied; None where they can, which integers with a scale each are, too."""
    alone = layer.replace(quantized=()) if layer.rounds_weights_only else layer
    return why_fixed(net, alone)


def why_fixed(net: Net, layer: Layer) -> str | None:
    """Return why the weights of a layer of filters cannot be changed; None where they can."""
    others = sharers(net, layer)
    if others:
        return f"{layer.name!r} shares its weights with {names(others)}"
    if layer.quantized:
        return f"{layer.name!r} computes with {layer.reads}; fuse first"
    if "weight" not in layer.weights:
        return f"the weights of {layer.name!r} were not read"
    return None


def _scaled(layer: Layer, affine: Affine) -> dict[str, Array] | None:
    """Return weight and bias with the affine of the outputs applied; None where that leaves no integers of such."""
    bias = layer.weights["bias"].astype(np.float64) if "bias" in layer.weights else 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = {"bias": (bias * affine.factor + affine.shift).astype(real)}
        if layer.rounds_weights_only:
            filters = _scaled_integers(layer, affine)
            return None if filters is None else filters | shifted
        weight = layer.weights["weight"].astype(np.float64)
        return {"weight": (weight * _factors(layer, affine)).astype(real), **shifted}


def _scaled_integers(layer: Layer, affine: Affine) -> dict[str, Array] | None:
    """Return integers times scales of filters, and the scales, with the factors applied: signs are the integers' own.

    None where a factor makes a scale that none may be, such as 0, or turns the sign of the least integer: its bits lack
    the other.
    """
    ((_, params, how),) = integer_filters_of(layer)
    scales = with_scales(layer).weights[SCALES]
    integers = rounded_weight(params, layer.weights["weight"], scales, how.weight_bits)
    integers = integers * along_filters(params, integers, np.sign(affine.factor).astype(np.int16))
    low, high = weight_range(how.weight_bits)
    scales = (scales * np.abs(affine.factor)).astype(real)
    if not may_be_scales(scales, 1.0).all() or integers.min() < low or integers.max() > high:
        return None
    return {"weight": weight_values(params, integers, scales), SCALES: scales}


def _factors(layer: Layer, affine: Affine) -> Array:
    """Return the outputs' factors as they lie along the weight: axis 0, or where the layer has its outputs."""
    params, shape = layer.params, layer.weights["weight"].shape
    if isinstance(params, InnerProduct) and params.transpose:
        return affine.factor
    if isinstance(params, Deconvolution):
        # Axis 0 is the inputs, group after group, and axis 1 the outputs of each one's group.
        grouped = affine.factor.reshape(params.group, -1).repeat(shape[0] // params.group, axis=0)
        return grouped.reshape(*grouped.shape, *(1,) * (len(shape) - 2))
    return affine.factor.reshape(-1, *(1,) * (len(shape) - 1))
