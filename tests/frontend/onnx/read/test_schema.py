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


def test_which_outputs_hold_whole_numbers():
    def whole(node, *inputs):
        return schema.whole_outputs(node, 17, lambda index: index in inputs)

    assert whole(helper.make_node("Less", ["a", "b"], ["y"])) == ["y"]
    assert whole(helper.make_node("Where", ["c", "a", "b"], ["y"]), 0) == []
    assert whole(helper.make_node("Where", ["c", "a", "b"], ["y"]), 0, 1, 2) == ["y"]
    assert whole(helper.make_node("TopK", ["x", "k"], ["values", "indices"]), 1) == ["indices"]
    assert whole(helper.make_node("Concat", ["a", "b"], ["y"], axis=1), 0, 1) == ["y"]
    assert whole(helper.make_node("Fancy", ["a"], ["y"]), 0) == []
