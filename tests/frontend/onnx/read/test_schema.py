import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import model_of
from xdn.errors import NetError
from xdn.frontend.onnx.read import schema
from xdn.frontend.onnx.read.net import net_of


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


def test_operators_that_onnx_does_not_have():
    schema.check(helper.make_node("Fancy", ["x"], ["y"], strange=1), 17)
