import numpy as np
import pytest
from onnx import AttributeProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.frontend.onnx.read.onnx_models import f32, model_of, one_node
from xdn.frontend.onnx.read.net import net_of


def _of_integers(*shape, seed=0, signed=False):
    low = -100 if signed else 0
    return np.random.default_rng(seed).integers(low, low + 200, shape).astype(np.int8 if signed else np.uint8)


def _agrees(op, shape, constants, **attributes):
    """Assert that the net of a node whose first input are bytes agrees with the reference of the package `onnx`."""
    model = model_of([helper.make_node(op, ["x", *constants], ["y"], **attributes)], {"x": shape}, constants, opset=21)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    x = _of_integers(*shape, seed=1)
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_array_equal(net_of(model, "m").forward({"x": x.astype(np.float32)})["y"], wanted)


def test_products_of_integers():
    weight = _of_integers(4, 3, signed=True)
    _agrees("MatMulInteger", (2, 4), {"w": weight, "a": np.array(3, np.uint8), "b": np.array(5, np.int8)})


def test_zero_points_of_rows():
    zeros = np.array([3, 200], np.uint8)
    model = one_node("MatMulInteger", (2, 4), {"w": _of_integers(4, 3), "a": zeros})
    x, weight = _of_integers(2, 4, seed=1).astype(np.float32), _of_integers(4, 3).astype(np.float32)
    np.testing.assert_array_equal(net_of(model, "m").forward({"x": x})["y"], (x - zeros[:, None]) @ weight)


def test_windows_of_integers():
    """The border is of what stands for zero; filters have zero points of their own."""
    zeros = {"a": np.array(7, np.uint8), "b": np.array([1, 2], np.uint8)}
    _agrees("ConvInteger", (1, 3, 4, 4), {"w": _of_integers(2, 3, 3, 3), **zeros}, pads=[1, 1, 1, 1])


@pytest.mark.parametrize("op", ["QLinearMatMul", "QLinearConv"])
def test_products_of_quantized_numbers(op):
    """The scale of the result is a power of 2, so that no rounding depends on the last bits."""
    windows = op == "QLinearConv"
    weight = _of_integers(2, 3, 1, 1, signed=True) if windows else _of_integers(3, 2, signed=True)
    constants = {
        "xs": np.float32(0.25), "xo": np.array(9, np.uint8),
        "w": weight, "ws": np.float32(0.5), "wo": np.array(-3, np.int8),
        "ys": np.float32(2), "yo": np.array(30, np.uint8),
    }  # fmt: skip
    if windows:
        constants["bias"] = np.array([100, -50], np.int32)
    _agrees(op, (2, 3, 4, 4) if windows else (2, 3), constants)


def test_several_scales_of_filters():
    constants = {
        "xs": np.float32(0.25), "xo": np.array(9, np.uint8), "w": _of_integers(2, 3, 1, 1, signed=True),
        "ws": f32(2), "wo": np.zeros(2, np.int8), "ys": np.float32(2), "yo": np.array(30, np.uint8),
    }  # fmt: skip
    _agrees("QLinearConv", (1, 3, 2, 2), constants)


def test_an_empty_list_in_an_attribute_says_nothing():
    node = helper.make_node("ConvInteger", ["x", "w"], ["y"])
    node.attribute.append(AttributeProto(name="pads", type=AttributeProto.INTS))
    model = model_of([node], {"x": (1, 3, 4, 4)}, {"w": _of_integers(2, 3, 3, 3)}, opset=21)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    assert net_of(model, "m").blobs["y"].shape == (1, 2, 2, 2)
