"""BatchNorm, Scale and Bias as what they all are: one factor and one shift a channel."""

from dataclasses import dataclass

import numpy as np

from xdn.graph import Layer, Net
from xdn.graph.blob import Shape
from xdn.graph.layer import Array
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.broadcast import spread
from xdn.layers.scale import Scale
from xdn.optimize.match import reason_to_keep

CHANNEL_AXIS = 1
AFFINE_LAYERS = (BatchNorm, Scale, Bias)


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
    """Affine layers that follow a blob one after another, and why there are no more.

    Parameters
    ----------
    layers : tuple of Layer
        In the order in which data passes them.
    affine : Affine or None
        All of them as one; None where there are none.
    refusal : tuple of (Layer, str) or None
        The affine layer that stands next but was not taken, and the reason.
    """

    layers: tuple[Layer, ...] = ()
    affine: Affine | None = None
    refusal: tuple[Layer, str] | None = None


def follow(net: Net, blob: str) -> Chain:
    """Return the affine layers that read `blob` and can be merged into what computes it."""
    layers: list[Layer] = []
    total: Affine | None = None
    while True:
        reader = next((r for r in net.consumers[blob] if isinstance(r.params, AFFINE_LAYERS)), None)
        if reader is None:
            return Chain(tuple(layers), total)
        reason = reason_to_keep(net, blob)
        found = channel_affine(net, reader) if reason is None else reason
        if isinstance(found, str):
            return Chain(tuple(layers), total, (reader, found))
        layers.append(reader)
        total = found if total is None else total.then(found)
        blob = reader.tops[0]


def channel_affine(net: Net, layer: Layer) -> Affine | str:
    """Return `layer` as an affine of the channels of its bottom, or why it is none."""
    shape = net.blobs[layer.bottoms[0]].shape
    if layer.epilogue is not None:
        return "it ends in a fused activation or sum"
    if len(layer.bottoms) != 1:
        return f"its operand is the blob {layer.bottoms[1]!r}, known only when the net runs"
    if len(shape) < 2:
        return f"its bottom of shape {shape} has no channels"
    if set(layer.weights) != set(net.weight_shapes(layer)):
        return "its weights were not read"
    affine = _of_batch_norm(layer) if isinstance(layer.params, BatchNorm) else _of_operand(layer, shape)
    if isinstance(affine, Affine) and not (np.isfinite(affine.factor).all() and np.isfinite(affine.shift).all()):
        return "its factors are not finite"
    return affine


def _of_batch_norm(layer: Layer) -> Affine | str:
    """1 / sqrt(variance + eps) and -mean / sqrt(variance + eps); the file's sums are divided by scale_factor.

    A scale_factor of 0 says that nothing was summed: mean and variance are 0 (batch_norm_layer.cpp).
    """
    assert isinstance(layer.params, BatchNorm)
    if layer.params.batch_statistics:
        return "it normalises by the statistics of the batch (use_global_stats: false)"
    mean, variance, total = (layer.weights[name].astype(np.float64) for name in ("mean", "variance", "scale_factor"))
    inverse = 0.0 if total[0] == 0 else 1 / total[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = 1 / np.sqrt(variance * inverse + layer.params.eps)
        return Affine(factor, -factor * mean * inverse)


def _of_operand(layer: Layer, shape: Shape) -> Affine | str:
    """Scale and Bias: their operands, where these lie along the channels or are scalars."""
    assert isinstance(layer.params, (Scale, Bias))
    operands = {}
    for name, array in layer.weights.items():
        along = spread(array, layer.params.axis, len(shape))
        along = along.reshape((1,) * (len(shape) - along.ndim) + along.shape)
        if along.size != along.shape[CHANNEL_AXIS]:
            return f"its {name} of shape {array.shape} from axis {layer.params.axis} on is not one value a channel"
        operands[name] = np.broadcast_to(along.reshape(-1).astype(np.float64), shape[CHANNEL_AXIS])
    one, zero = np.ones(shape[CHANNEL_AXIS]), np.zeros(shape[CHANNEL_AXIS])
    return Affine(operands.get("scale", one), operands.get("bias", zero))
