import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import f32, model_of
from xdn.errors import NetError
from xdn.frontend.onnx.read.base import Node
from xdn.frontend.onnx.read.making import Making
from xdn.frontend.onnx.read.net import net_of
from xdn.layers.input import Input
from xdn.layers.reshape import Reshape


def test_a_node_without_a_name_is_called_after_its_output():
    assert Node(Making(17), helper.make_node("Relu", ["x"], ["y"])).place == "node 'y' (Relu)"


def test_an_input_that_is_missing():
    with pytest.raises(NetError, match=r"node 'y' \(Add\): its input 0 is missing"):
        net_of(model_of([helper.make_node("Add", ["", "x"], ["y"])], {"x": (1, 3)}), "m")


def test_the_shape_of_a_value_is_without_a_batch_before_its_axes():
    """Also where another input of the node has its batch there, and this one does not."""
    making = Making(17)
    making.values["x"] = making.step("x", Input(((1, 3, 4),)), [])
    making.values |= {"apart": making.step("apart", Reshape(shape=(0, 3, 1, 4)), ["x"]), "c": f32(5, 6)}
    making.apart.add("apart")
    node = Node(making, helper.make_node("Sum", ["x", "apart", "c"], ["y"]))
    assert [node.value_shape(index) for index in range(3)] == [(1, 3, 4), (3, 1, 4), (5, 6)]


def test_nodes_of_one_name_have_constants_of_their_own():
    """Of ones above the diagonal and from it on the difference is the diagonal."""
    nodes = [helper.make_node("Trilu", ["x", k], [k.upper()], name="same") for k in ("a", "b")]
    nodes += [helper.make_node("Sub", ["A", "B"], ["y"])]
    net = net_of(model_of(nodes, {"x": (1, 3, 3)}, {"a": np.array(0), "b": np.array(1)}), "m")
    np.testing.assert_array_equal(net.forward({"x": np.ones((1, 3, 3), np.float32)})["y"], [np.eye(3)])
