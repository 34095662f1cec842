"""BatchNorm, BN, Scale, Bias and linear Powers as what they all are: one factor and one shift a channel."""

from dataclasses import dataclass

import numpy as np

from xdn.element import real
from xdn.graph import Array, Layer, Net, Shape
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.broadcast import spread
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.power import Power
from xdn.layers.scale import Scale
from xdn.optimize.edits import Edits
from xdn.optimize.fuse.spelling import is_spelled
from xdn.optimize.match import reason_to_keep, title

CHANNEL_AXIS = 1
_CHANNELWISE = (BatchNorm, BN, Scale, Bias)


@dataclass(frozen=True, eq=False)
class Affine:
    """y[n, c, ...] = factor[c] * x[n, c, ...] + shift[c], both (C,) float64."""

    factor: Array
    shift: Array

    def then(self, later: "Affine") -> "Affine":
        """Return the affine that does `later` after this one."""
        return Affine(later.factor * self.factor, later.factor * self.shift + later.shift)


@dataclass(frozen=True, eq=False)
class Chain:
    """Affine layers that follow a layer one after another.

    Parameters
    ----------
    layers : tuple of Layer
        In the order in which data passes them.
    affine : Affine or None
        All of them as one; None where there are none.
    """

    layers: tuple[Layer, ...] = ()
    affine: Affine | None = None


def is_affine(net: Net, layer: Layer) -> bool:
    """Return whether a layer looks like an affine of channels; a Power that is part of another function does not."""
    if isinstance(layer.params, Power):
        return layer.params.power == 1 and not is_spelled(net, layer)
    return isinstance(layer.params, _CHANNELWISE)


def output_axis(net: Net, layer: Layer) -> int:
    """Return the axis of the top along which a layer of filters has its outputs: of most the channels."""
    params = layer.params
    return net.blobs[layer.bottoms[0]].axis(params.axis) if isinstance(params, InnerProduct) else CHANNEL_AXIS


def follow(net: Net, layer: Layer, edits: Edits) -> Chain:
    """Return the affine layers after `layer` that can be merged into it; say of the next one why it cannot."""
    blob = layer.tops[0]
    layers: list[Layer] = []
    total: Affine | None = None
    while reader := next((r for r in net.consumers[blob] if is_affine(net, r)), None):
        found = reason_to_keep(net, blob) or channel_affine(net, reader, output_axis(net, layer))
        if isinstance(found, str):
            edits.refuse(reader, f"stays after {title(layer)}: {found}")
            break
        layers.append(reader)
        total = found if total is None else total.then(found)
        blob = reader.tops[0]
    return Chain(tuple(layers), total)


def channel_affine(net: Net, layer: Layer, axis: int = CHANNEL_AXIS) -> Affine | str:
    """Return `layer` as an affine of the channels of its bottom, or of the entries of another axis; or why not."""
    shape = net.blobs[layer.bottoms[0]].shape
    if layer.epilogue is not None:
        return "it ends in a fused activation or sum"
    if layer.quantized:
        return "its bottom is rounded before it reads it, as 8-bit integers or in bf16"
    if len(layer.bottoms) != 1:
        return f"its operand is the blob {layer.bottoms[1]!r}, known only when the net runs"
    if len(shape) < 2:
        return f"its bottom of shape {shape} has no channels"
    if axis != CHANNEL_AXIS and isinstance(layer.params, (BatchNorm, BN)):
        return f"its channels are not axis {axis}"
    if set(layer.weights) != set(net.weight_shapes(layer)):
        return "its weights were not read"
    match layer.params:
        case BatchNorm() | BN():
            affine = _of_normalisation(layer)
        case Power(scale=scale, shift=shift):
            affine = Affine(*(np.full(shape[axis], real(each), np.float64) for each in (scale, shift)))
        case _:
            affine = _of_operand(layer, shape, axis)
    if isinstance(affine, Affine) and not (np.isfinite(affine.factor).all() and np.isfinite(affine.shift).all()):
        return "its factors are not finite"
    return affine


def _of_normalisation(layer: Layer) -> Affine | str:
    """scale / sqrt(variance + eps) and shift - mean * scale / sqrt(variance + eps).

    A BatchNorm's sums are divided by scale_factor; where that is 0 nothing was summed, and mean and variance are 0
    (batch_norm_layer.cpp). Its scale and bias, and those of BN, are NVIDIA's and PSPNet's; SegNet's BN has no others.
    """
    params = layer.params
    assert isinstance(params, (BatchNorm, BN))
    if params.batch_statistics:
        return "it normalises by the statistics of the batch (use_global_stats: false, bn_mode: LEARN)"
    weights = {name: array.astype(np.float64) for name, array in layer.weights.items()}
    shift = weights.get("bias", weights.get("shift", 0.0))
    if isinstance(params, BN) and params.affine_only:
        return Affine(weights["scale"], np.asarray(shift))
    total = weights.get("scale_factor", np.ones(1))[0]
    inverse = 0.0 if total == 0 else 1 / total
    variance = weights["variance"] * inverse
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(params, BatchNorm) and not params.add_eps_before_sqrt:
            deviation = np.sqrt(variance) + params.eps
        else:
            deviation = np.sqrt(variance + params.eps)
        factor = weights.get("scale", 1.0) / deviation
        return Affine(factor, shift - factor * weights["mean"] * inverse)


def _of_operand(layer: Layer, shape: Shape, axis: int) -> Affine | str:
    """Scale and Bias: their operands, where these lie along the axis or are scalars."""
    assert isinstance(layer.params, (Scale, Bias))
    operands = {}
    for name, array in layer.weights.items():
        along = spread(array, layer.params.axis, len(shape))
        along = along.reshape((1,) * (len(shape) - along.ndim) + along.shape)
        if along.size != along.shape[axis]:
            return f"its {name} of shape {array.shape} from axis {layer.params.axis} on is not one value a channel"
        operands[name] = np.broadcast_to(along.reshape(-1).astype(np.float64), shape[axis])
    one, zero = np.ones(shape[axis]), np.zeros(shape[axis])
    return Affine(operands.get("scale", one), operands.get("bias", zero))
