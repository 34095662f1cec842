import re
from pathlib import Path

import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import f32, i64, model_of
from xdn.errors import NetError, ParseError
from xdn.frontend.onnx.read.base import READERS, Making, Node, array_of
from xdn.frontend.onnx.read.net import net_of


def test_the_operators_that_the_documentation_names():
    text = Path("docs/bring-your-own-net.md").read_text()
    section = text.split("## ONNX models", 1)[1].split("###", 1)[0]
    rows = re.findall(r"^\| .* \| (.*) \|$", section, re.MULTILINE)[1:]
    named = [each for row in rows for each in row.split(", ")]
    assert sorted(named) == sorted([*READERS, "Constant"])


def test_names_are_given_once():
    making = Making(17)
    assert [making.fresh("a"), making.fresh("a"), making.fresh("a")] == ["a", "a:1", "a:2"]


def test_a_node_without_a_name_is_called_after_its_output():
    assert Node(Making(17), helper.make_node("Relu", ["x"], ["y"])).place == "node 'y' (Relu)"


def test_an_input_that_is_missing():
    with pytest.raises(NetError, match=r"node 'y' \(Add\): its input 0 is missing"):
        net_of(model_of([helper.make_node("Add", ["", "x"], ["y"])], {"x": (1, 3)}), "m")


def test_nodes_that_are_not_what_their_operator_takes():
    nodes = {
        "it has 2 inputs; it takes 1 to 1": helper.make_node("Relu", ["x", "x"], ["y"]),
        "an attribute 'strange'": helper.make_node("Relu", ["x"], ["y"], strange=1),
        "'alpha' is of another type": helper.make_node("Elu", ["x"], ["y"], alpha=1),
        "'size' is missing": helper.make_node("LRN", ["x"], ["y"]),
    }
    for message, node in nodes.items():
        with pytest.raises(NetError, match=message):
            net_of(model_of([node], {"x": (1, 3, 4, 4)}), "m")


def test_damaged_tensors():
    model = model_of([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": (1, 3)}, {"s": i64(1, 3), "w": f32(2, 3)})
    tensor = model.graph.initializer[1]
    assert array_of(tensor).shape == (2, 3)
    tensor.dims[0] = 5
    with pytest.raises(ParseError, match="tensor 'w' are damaged"):
        array_of(tensor)
    with pytest.raises(ParseError, match="m: the values of the tensor 'w'"):
        net_of(model, "m")
