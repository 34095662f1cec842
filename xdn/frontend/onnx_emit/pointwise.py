"""Layers that map every element on its own by a formula, in ONNX."""

from collections.abc import Sequence
from typing import cast

from onnx import TensorProto

from xdn.frontend.onnx_emit.base import EMITTERS, Graph
from xdn.graph.layer import Layer
from xdn.layers import selu as selu_layer
from xdn.layers.clip import Clip
from xdn.layers.exp import Exp
from xdn.layers.log import Log
from xdn.layers.power import Power
from xdn.layers.swish import Swish
from xdn.layers.threshold import Threshold


def _times(graph: Graph, layer: Layer, source: str, factor: float) -> str:
    """Return `source`, multiplied where the factor is not 1."""
    if factor == 1:
        return source
    return graph.step("Mul", [source, graph.scalar(f"{layer.name}.factor", factor)], f"{layer.tops[0]}.scaled")


def _linear(graph: Graph, layer: Layer, source: str, scale: float, shift: float) -> str:
    """Return shift + scale * source."""
    scaled = _times(graph, layer, source, scale)
    if shift == 0:
        return scaled
    return graph.step("Add", [scaled, graph.scalar(f"{layer.name}.shift", shift)], f"{layer.tops[0]}.shifted")


@EMITTERS.register("AbsVal")
def abs_val(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Abs."""
    graph.node("Abs", bottoms, tops[0])


@EMITTERS.register("BNLL")
def bnll(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Softplus."""
    graph.node("Softplus", bottoms, tops[0])


def _clip(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str], bounds: tuple[float, float]) -> None:
    """Append a Clip to the bounds."""
    names = (graph.scalar(f"{layer.name}.{end}", bound) for end, bound in zip(("min", "max"), bounds, strict=True))
    graph.node("Clip", [*bottoms, *names], tops[0])


@EMITTERS.register("Clip")
def clip(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Clip."""
    params = cast(Clip, layer.params)
    _clip(graph, layer, bottoms, tops, (params.min, params.max))


@EMITTERS.register("ReLU6")
def relu6(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Clip between 0 and 6."""
    _clip(graph, layer, bottoms, tops, (0, 6))


@EMITTERS.register("Exp")
def exp(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Exp between two factors."""
    inner, outer = cast(Exp, layer.params).factors()
    power = graph.step("Exp", [_times(graph, layer, bottoms[0], inner)], f"{tops[0]}.power")
    graph.node("Mul", [power, graph.scalar(f"{layer.name}.outer", outer)], tops[0])


@EMITTERS.register("Log")
def log(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Log of a linear function, times a factor."""
    params = cast(Log, layer.params)
    natural = graph.step("Log", [_linear(graph, layer, bottoms[0], params.scale, params.shift)], f"{tops[0]}.natural")
    graph.node("Mul", [natural, graph.scalar(f"{layer.name}.base", params.factor())], tops[0])


@EMITTERS.register("Power")
def power(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Pow of a linear function; the power 0 gives 1 whatever the base, in ONNX as in Caffe."""
    params = cast(Power, layer.params)
    base = _linear(graph, layer, bottoms[0], params.scale, params.shift)
    graph.node("Pow", [base, graph.scalar(f"{layer.name}.power", params.power)], tops[0])


@EMITTERS.register("SELU")
def selu(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Selu, its constants written out."""
    graph.node("Selu", bottoms, tops[0], alpha=selu_layer.ALPHA, gamma=selu_layer.SCALE)


@EMITTERS.register("Mish")
def mish(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """x * Tanh(Softplus(x)): this opset has no Mish."""
    softplus = graph.step("Softplus", bottoms, f"{tops[0]}.softplus")
    graph.node("Mul", [bottoms[0], graph.step("Tanh", [softplus], f"{tops[0]}.factor")], tops[0])


@EMITTERS.register("Swish")
def swish(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """x * Sigmoid(beta * x)."""
    scaled = _times(graph, layer, bottoms[0], cast(Swish, layer.params).beta)
    graph.node("Mul", [bottoms[0], graph.step("Sigmoid", [scaled], f"{tops[0]}.factor")], tops[0])


@EMITTERS.register("HSigmoid")
def hsigmoid(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """HardSigmoid: x / 6 + 0.5, clipped to 0 and 1."""
    graph.node("HardSigmoid", bottoms, tops[0], alpha=1 / 6, beta=0.5)


@EMITTERS.register("HSwish")
def hswish(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """HardSwish, which has the same constants."""
    graph.node("HardSwish", bottoms, tops[0])


@EMITTERS.register("Threshold")
def threshold(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Greater, as f32."""
    limit = graph.scalar(f"{layer.name}.threshold", cast(Threshold, layer.params).threshold)
    above = graph.step("Greater", [*bottoms, limit], f"{tops[0]}.above")
    graph.node("Cast", [above], tops[0], to=TensorProto.FLOAT)
