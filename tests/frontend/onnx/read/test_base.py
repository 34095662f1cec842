import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import model_of
from xdn.errors import NetError
from xdn.frontend.onnx.read.base import Node
from xdn.frontend.onnx.read.making import Making
from xdn.frontend.onnx.read.net import net_of


def test_a_node_without_a_name_is_called_after_its_output():
    assert Node(Making(17), helper.make_node("Relu", ["x"], ["y"])).place == "node 'y' (Relu)"


def test_an_input_that_is_missing():
    with pytest.raises(NetError, match=r"node 'y' \(Add\): its input 0 is missing"):
        net_of(model_of([helper.make_node("Add", ["", "x"], ["y"])], {"x": (1, 3)}), "m")
