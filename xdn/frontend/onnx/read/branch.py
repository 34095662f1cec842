"""If: the branch that a condition chooses which is known while the model is read."""

import onnx
from onnx import helper

from xdn.errors import NetError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.functions import read_all, rename
from xdn.frontend.onnx.read.making import array_of


@READERS.register("If")
def branch(node: Node) -> None:
    """The nodes of the branch that is chosen.

    Refused: a condition that depends on the net's inputs, but for their shapes.
    """
    chosen = onnx.GraphProto()
    chosen.CopyFrom(node.attribute("then_branch" if node.scalar(0, "condition") else "else_branch"))
    if len(chosen.output) != len(node.proto.output):
        raise NetError(f"it has {len(node.proto.output)} outputs, and the branch that is chosen {len(chosen.output)}")
    given = [(own.name, name) for own, name in zip(chosen.output, node.proto.output, strict=True) if name]
    chosen.node.extend(helper.make_node("Identity", [own], [name]) for own, name in given)
    rename(chosen.node, node, chosen.initializer)
    for tensor in chosen.initializer:
        node.making.hold(tensor.name, array_of(tensor))
    read_all(node, chosen.node)
