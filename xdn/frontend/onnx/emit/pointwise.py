"""Layers that are one function of each element, in ONNX: the tree of nodes that the layer's own file holds."""

from collections.abc import Sequence
from typing import cast

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Layer
from xdn.layers.function import Constant, Function, Node, Operand, functions


@EMITTERS.register(*(cls.type for cls in functions()))
def function(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """The function's form, from the bottom to the top."""

    def inputs(node: Node) -> list[str]:
        return [operand(each) for each in node.inputs]

    def operand(each: Operand) -> str:
        if each is None:
            return bottoms[0]
        if isinstance(each, Constant):
            return graph.scalar(f"{layer.name}.{each.name}", each.value)
        return graph.step(each.op, inputs(each), f"{tops[0]}.{each.name}", **each.attributes)

    form = cast(Function, layer.params).onnx()
    graph.node(form.op, inputs(form), tops[0], **form.attributes)
