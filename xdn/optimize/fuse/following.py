"""Fuse BatchNorm, Scale, Bias and linear Powers into the convolution or inner product after them."""

from dataclasses import replace

import numpy as np

from xdn.element import real
from xdn.graph import Array, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.innerproduct import InnerProduct
from xdn.optimize.edits import Edits, Fusion
from xdn.optimize.fuse.affine import CHANNEL_AXIS, Affine, channel_affine, is_affine
from xdn.optimize.fuse.batch_norm import why_fixed
from xdn.optimize.match import reason_to_keep, title
from xdn.optimize.stage import STAGES


@STAGES.register("fuse-following")
class FuseFollowing(Fusion):
    """Fuse BatchNorm, BN, Scale, Bias and linear Power into the Convolution or InnerProduct after them.

    With x = a * u + d for every channel follows y = W * x + b = W' * u + b', where ``W'[k, c] = a[c] * W[k, c]`` and
    ``b'[k] = b[k] + sum of d[c] * W[k, c]`` over the channels and positions of the window; a layer without bias gets
    one. Padding is zeros, and not d: a layer with padding takes in what has no d. Computed in float64 and rounded to
    f32 once.
    """

    after = ("fuse-scale",)

    def fuse(self, net: Net, layer: Layer, edits: Edits) -> None:
        """Look back from every convolution and inner product at the affine layer before it."""
        if not isinstance(layer.params, (Convolution, InnerProduct)):
            return
        before = net.producers[layer.bottoms[0]]
        if not is_affine(net, before):
            return
        found = _fuse(net, before, layer)
        if isinstance(found, Layer):
            edits.made[layer.name] = found
            edits.change(before, f"taken in by {title(layer)}", [before])
        else:
            edits.refuse(before, f"stays before {title(layer)}: {found}")


def _fuse(net: Net, before: Layer, layer: Layer) -> Layer | str:
    """Return the layer that does what `before` does, too, or why there is none."""
    reason = reason_to_keep(net, before.tops[0]) or why_fixed(net, layer)
    affine = channel_affine(net, before)
    if reason or not isinstance(affine, Affine):
        return reason or str(affine)
    bottom = net.blobs[layer.bottoms[0]]
    params = layer.params
    if isinstance(params, InnerProduct) and bottom.axis(params.axis) != CHANNEL_AXIS:
        return f"{layer.name!r} does not sum over channels"
    if isinstance(params, Convolution) and any(params.window_over(bottom).pad) and affine.shift.any():
        return f"the padding of {layer.name!r} is not shifted"
    weights = {**layer.weights, **_weights(layer, affine)}
    if not all(np.isfinite(array).all() for array in weights.values()):
        return "the fused weights are not finite in f32"
    params = replace(params, bias_term=True)  # type: ignore[type-var]
    return layer.replace(params=params, weights=weights, bottoms=(before.bottoms[0], *layer.bottoms[1:]))


def _weights(layer: Layer, affine: Affine) -> dict[str, Array]:
    """Return weight and bias with the affine of the inputs applied."""
    params = layer.params
    assert isinstance(params, (Convolution, InnerProduct))
    filters = params.filters(layer.weights["weight"]).astype(np.float64)
    groups = params.group if isinstance(params, Convolution) else 1
    # (G, K/G, C/G, elements of the window): group g reads the channels g * C/G and after.
    taps = filters.reshape(groups, len(filters) // groups, len(affine.factor) // groups, -1)
    factor, shift = (values.reshape(groups, 1, -1, 1) for values in (affine.factor, affine.shift))
    with np.errstate(over="ignore", invalid="ignore"):
        bias = layer.weights.get("bias", 0.0) + (taps * shift).sum(axis=(2, 3)).ravel()
        weight = params.weight_of((taps * factor).reshape(filters.shape))
        return {"weight": np.ascontiguousarray(weight, real), "bias": bias.astype(real)}
