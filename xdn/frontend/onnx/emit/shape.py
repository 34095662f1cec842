"""Layers that lay values out anew, in ONNX: Concat, Flatten, Reshape."""

from collections.abc import Sequence
from typing import cast

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Layer
from xdn.layers.concat import Concat


@EMITTERS.register("Concat")
def concat(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Concat along the same axis."""
    graph.node("Concat", bottoms, tops[0], axis=cast(Concat, layer.params).along(graph.bottom(layer)))


@EMITTERS.register("Flatten", "Reshape")
def reshape(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Reshape to the top's shape."""
    graph.reshape(bottoms[0], layer.tops[0], tops[0])
