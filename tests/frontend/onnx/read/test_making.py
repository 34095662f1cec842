import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import f32, i64, model_of
from xdn.errors import ParseError
from xdn.frontend.onnx.read.making import Making, array_of
from xdn.frontend.onnx.read.net import net_of
from xdn.graph import Quantized
from xdn.layers.input import Input


def test_names_are_given_once():
    making = Making(17)
    assert [making.fresh("a"), making.fresh("a"), making.fresh("a")] == ["a", "a:1", "a:2"]


def test_one_layer_rounds_for_all_readers():
    making, how = Making(17), Quantized(0.5)
    making.add("x", Input(shape=((1, 3),)), [], [making.fresh("x")], {})
    assert making.rounded("x", how) == making.rounded("x", how) != making.rounded("x", Quantized(0.25))
    assert [layer.quantized for layer in making.layers[1:]] == [(how,), (Quantized(0.25),)]
    x = np.float32([[0.3, 0.2, 9]])
    making.values["y"] = "x.u8"
    found = making.net("n", ["y"]).forward({"x": x})["y"]
    np.testing.assert_array_equal(found, np.float32([[0.5, 0, 9]]))


def test_damaged_tensors():
    model = model_of([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": (1, 3)}, {"s": i64(1, 3), "w": f32(2, 3)})
    tensor = model.graph.initializer[1]
    assert array_of(tensor).shape == (2, 3)
    tensor.dims[0] = 5
    with pytest.raises(ParseError, match="tensor 'w' are damaged"):
        array_of(tensor)
    with pytest.raises(ParseError, match="m: the values of the tensor 'w'"):
        net_of(model, "m")
