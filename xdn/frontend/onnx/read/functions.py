"""Operators that ONNX defines by others: the nodes of such a function, in the place of one that calls it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, inliner

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.making import Unknown
from xdn.frontend.onnx.read.schema import schema_in
from xdn.graph import Array, Shape

#: What schemas have that say whether there is a function; the library's own description of its types lacks them.
_SAYING = ("has_function", "has_context_dependent_function")


@READERS.register("Attention", "RotaryEmbedding", "SwiGLU", "DynamicQuantizeLinear", "CausalConvWithState")
@READERS.register("AffineGrid", "SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def function(node: Node) -> None:
    """The nodes of the function that ONNX defines it by.

    Refused: what these nodes are refused for.
    """
    nodes = _body(node)
    if not nodes:
        raise UnsupportedError("there is no function for what it is given")
    read_all(node, nodes)


def read_all(node: Node, nodes: Sequence[onnx.NodeProto]) -> None:
    """Read nodes in the place of another; UnsupportedError for the first one that cannot be read."""
    node.replaced = True
    for each in nodes:
        refusal = node.making.read(each)
        if refusal is not None:
            raise UnsupportedError(f"what it is made of is not read: {refusal[1]}")


def other(node: Node, operator: str, inputs: Sequence[str | Array], output: str = "", /, **attributes: Any) -> str:
    """Read a node of another operator in the place of one, and return the name of what it gives.

    Parameters
    ----------
    inputs : sequence of str or array
        Names, or constants.
    output : str
        The name; by default one that nobody else knows.
    """
    names = []
    for each in inputs:
        name = each if isinstance(each, str) else node.making.fresh(f"{node.name}.constant")
        names.append(name)
        if not isinstance(each, str):
            node.making.values[name] = np.asarray(each)
    output = output or node.making.fresh(f"{node.name}.{operator.lower()}.value")
    # Of an empty list nobody knows what it is a list of; it says no more than none.
    stated = {name: value for name, value in attributes.items() if np.size(value)}
    read_all(node, [helper.make_node(operator, names, [output], f"{node.name}.{operator}", **stated)])
    return output


def _body(node: Node) -> Sequence[onnx.NodeProto]:
    """Return the nodes that compute what a node does, by the function that ONNX defines its operator by.

    Names that only they know begin with the node's own. Nothing is returned of an operator without such a function, or
    where the function is not one for what the node is given.
    """
    schema = schema_in(node.proto.op_type, node.making.opset)
    if schema is None or not any(getattr(schema, each) for each in _SAYING):
        return ()
    model = _model(node, schema)
    try:
        found = inliner.inline_selected_functions(
            model, [("", node.proto.op_type)], exclude=False, inline_schema_functions=True
        )
    except Exception:  # Of any class: the library says only by them what it cannot do.
        return ()
    nodes: Sequence[onnx.NodeProto] = found.graph.node
    if any(each.op_type == node.proto.op_type for each in nodes):
        return ()
    rename(nodes, node)
    return nodes


def _model(node: Node, schema: onnx.defs.OpSchema) -> onnx.ModelProto:
    """Return a model of the node alone, whose inputs are of the types and shapes that they have."""
    given = [number for number in range(len(node.proto.input)) if node.has(number)]
    inputs = {
        node.proto.input[number]: helper.make_tensor_value_info(
            node.proto.input[number], node.type_of(number), _shape(node, number)
        )
        for number in given
    }
    outputs = [onnx.ValueInfoProto(name=name) for name in node.proto.output if name]
    # The type of what is left out has to be known, too.
    nothing = helper.make_tensor_value_info("", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [_in_full(node, schema)], "function", list(inputs.values()), outputs, value_info=[nothing]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.making.opset)])


def _in_full(node: Node, schema: onnx.defs.OpSchema) -> onnx.NodeProto:
    """Return a node that says all attributes which have a default: functions refer to them."""
    found = onnx.NodeProto()
    found.CopyFrom(node.proto)
    said = {each.name for each in node.proto.attribute}
    others = [each.default_value for name, each in schema.attributes.items() if name not in said]
    found.attribute.extend(each for each in others if each.name)
    return found


def _shape(node: Node, number: int) -> Shape | None:
    """Return the shape of an input's value; None where nobody knows it."""
    if isinstance(node.value(number), Unknown):
        return None
    return node.value_shape(number)


def rename(nodes: Sequence[onnx.NodeProto], caller: Node, constants: Sequence[onnx.TensorProto] = ()) -> None:
    """Let the names of values that only these nodes know begin with that of the node in whose place they stand."""
    made = {name for node in nodes for name in node.output} | {each.name for each in constants}
    own = {name: f"{caller.name}.{name}" for name in made - {"", *caller.proto.output}}
    for node in nodes:
        node.name = f"{caller.name}.{node.name or node.op_type}"
    for each in constants:
        each.name = own[each.name]
    _rename_in(nodes, own)


def _rename_in(nodes: Sequence[onnx.NodeProto], names: Mapping[str, str]) -> None:
    """Give values other names, also where graphs within nodes read them."""
    for node in nodes:
        for given in (node.input, node.output):
            given[:] = [names.get(name, name) for name in given]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename_in(attribute.g.node, names)
                for value in attribute.g.output:
                    value.name = names.get(value.name, value.name)
