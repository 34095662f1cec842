"""Embed in ONNX."""

from collections.abc import Sequence
from typing import cast

from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Layer
from xdn.layers.embed import Embed


@EMITTERS.register("Embed")
def embed(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Gather of the rows that the numbers, brought into the range first, stand for; Add of the bias."""
    params, top = cast(Embed, layer.params), tops[0]
    least = graph.scalar(f"{layer.name}.least", 0)
    # Not Max, which lets NaN through: the comparison makes it 0.
    above = graph.step("Greater", [*bottoms, least], f"{top}.above")
    positive = graph.step("Where", [above, *bottoms, least], f"{top}.positive")
    most = graph.scalar(f"{layer.name}.most", params.input_dim - 1)
    within = graph.step("Min", [positive, most], f"{top}.within")
    rows = graph.step("Cast", [within], f"{top}.rows", to=TensorProto.INT64)
    found = graph.fresh(f"{top}.found") if params.bias_term else top
    graph.node("Gather", [graph.weight(layer, "weight"), rows], found)
    if params.bias_term:
        graph.node("Add", [found, graph.weight(layer, "bias")], top)
