"""BatchNorm, BN, Scale, Bias, LRN and Softmax in ONNX."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Array, Layer
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.broadcast import spread
from xdn.layers.lrn import LRN
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax


@EMITTERS.register("BatchNorm")
def batch_norm(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """BatchNormalization, the sums divided by scale_factor beforehand; scale 1 and bias 0 where none are learned."""
    params = cast(BatchNorm, layer.params)
    mean, variance = params.statistics(layer.weights)
    if not params.batch_statistics and len(graph.bottom(layer).shape) > 1:
        learned = {"scale": np.ones_like(mean), "bias": np.zeros_like(mean)}
        if params.scale_bias:
            learned = {name: layer.weights[name] for name in learned}
        arrays = learned | {"mean": mean, "variance": variance}
        inputs = [*bottoms, *(graph.constant(f"{layer.name}.{name}", array) for name, array in arrays.items())]
        graph.node("BatchNormalization", inputs, tops[0], epsilon=params.eps)
        return
    normal = graph.fresh(f"{tops[0]}.normal") if params.scale_bias else tops[0]
    if params.batch_statistics:
        _by_batch(graph, layer, bottoms, normal, params.eps)
    else:  # no channel axis, which BatchNormalization needs
        centred = graph.step("Sub", [*bottoms, graph.constant(f"{layer.name}.mean", mean)], f"{tops[0]}.centred")
        deviation = np.sqrt(variance + np.float32(params.eps))
        graph.node("Div", [centred, graph.constant(f"{layer.name}.deviation", deviation)], normal)
    if params.scale_bias:
        _affine(graph, layer, normal, tops[0], ("scale", "bias"))


@EMITTERS.register("BN")
def bn(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """BatchNormalization; SegNet's is Mul and Add, after the batch's own statistics where it asks for them."""
    params = cast(BN, layer.params)
    if not params.affine_only:
        inputs = [*bottoms, *(graph.weight(layer, name) for name in ("scale", "shift", "mean", "variance"))]
        graph.node("BatchNormalization", inputs, tops[0], epsilon=params.eps)
        return
    source = bottoms[0]
    if params.batch_statistics:
        source = _by_batch(graph, layer, bottoms, graph.fresh(f"{tops[0]}.normal"), params.var_eps)
    _affine(graph, layer, source, tops[0], ("scale", "shift"))


def _affine(graph: Graph, layer: Layer, source: str, top: str, learned: tuple[str, str]) -> None:
    """Append Mul and Add with two weights a channel."""
    axes = len(graph.bottom(layer).shape)
    factor, shift = (
        graph.constant(f"{layer.name}.{name}", spread(layer.weights[name], min(1, axes - 1), axes)) for name in learned
    )
    graph.node("Add", [graph.step("Mul", [source, factor], f"{top}.scaled"), shift], top)


def _by_batch(graph: Graph, layer: Layer, bottoms: Sequence[str], top: str, epsilon: float) -> str:
    """Append (x - mean) / sqrt(mean of squares + epsilon), the means over all axes but the channels; return `top`."""
    others = [axis for axis in range(len(graph.bottom(layer).shape)) if axis != 1]
    mean = graph.step("ReduceMean", bottoms, f"{top}.mean", axes=others)
    centred = graph.step("Sub", [*bottoms, mean], f"{top}.centred")
    square = graph.step("Mul", [centred, centred], f"{top}.square")
    variance = graph.step("ReduceMean", [square], f"{top}.variance", axes=others)
    eps = graph.scalar(f"{layer.name}.eps", epsilon)
    deviation = graph.step("Sqrt", [graph.step("Add", [variance, eps], f"{top}.kept")], f"{top}.deviation")
    return graph.node("Div", [centred, deviation], top)


def _operand(graph: Graph, layer: Layer, bottoms: Sequence[str], axis: int, learned: str) -> str:
    """Return the name of the second operand, learned or the second bottom, laid along the axes that it covers."""
    axes = len(graph.bottom(layer).shape)
    if len(bottoms) == 1:
        return graph.constant(f"{layer.name}.{learned}", spread(layer.weights[learned], axis, axes))
    given = len(graph.bottom(layer, 1).shape)
    after = list(range(given, axes - axis % axes)) if given else []
    if not after:
        return bottoms[1]
    places = graph.constant(f"{layer.name}.axes", np.array(after, np.int64))
    return graph.step("Unsqueeze", [bottoms[1], places], f"{bottoms[1]}.spread")


@EMITTERS.register("Scale")
def scale(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Mul, and Add where there is a bias."""
    params = cast(Scale, layer.params)
    inputs = [bottoms[0], _operand(graph, layer, bottoms, params.axis, "scale")]
    if not params.bias_term:
        graph.node("Mul", inputs, tops[0])
        return
    bias: Array = spread(layer.weights["bias"], params.axis, len(graph.bottom(layer).shape))
    scaled = graph.step("Mul", inputs, f"{tops[0]}.scaled")
    graph.node("Add", [scaled, graph.constant(f"{layer.name}.bias", bias)], tops[0])


@EMITTERS.register("Bias")
def bias(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Add."""
    params = cast(Bias, layer.params)
    graph.node("Add", [bottoms[0], _operand(graph, layer, bottoms, params.axis, "bias")], tops[0])


@EMITTERS.register("Softmax")
def softmax(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Softmax along the same axis."""
    graph.node("Softmax", bottoms, tops[0], axis=cast(Softmax, layer.params).axis)


@EMITTERS.register("LRN")
def lrn(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """LRN over channels; over positions x * (1 + alpha * average of squares) ** -beta."""
    params, top = cast(LRN, layer.params), tops[0]
    if params.norm_region == "ACROSS_CHANNELS":
        graph.node("LRN", bottoms, top, size=params.local_size, alpha=params.alpha, beta=params.beta, bias=params.k)
        return
    squares = graph.step("Mul", [bottoms[0], bottoms[0]], f"{top}.squares")
    window = params.squares_pooling().window(graph.bottom(layer).shape[2:])
    sides = {"kernel_shape": window.kernel, "pads": window.pad * 2}
    mean = graph.step("AveragePool", [squares], f"{top}.mean", **sides, count_include_pad=1)
    weighted = graph.step("Mul", [mean, graph.scalar(f"{layer.name}.alpha", params.alpha)], f"{top}.weighted")
    energy = graph.step("Add", [weighted, graph.scalar(f"{layer.name}.one", 1)], f"{top}.energy")
    factor = graph.step("Pow", [energy, graph.scalar(f"{layer.name}.power", -params.beta)], f"{top}.factor")
    graph.node("Mul", [bottoms[0], factor], top)
