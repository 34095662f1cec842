import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check, check_node, check_refused, f32, model_of

OPERATIONS = ["Add", "Sub", "Mul", "Div"]


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1), (1, 3, 1, 1), (4, 5), (3, 4, 5), (5,), (3, 1, 5)])
def test_with_a_constant(op, shape):
    types = check_node(op, (2, 3, 4, 5), {"c": f32(*shape)})
    assert len(types) == 1


@pytest.mark.parametrize("op", OPERATIONS)
def test_a_constant_before(op):
    node = helper.make_node(op, ["c", "x"], ["y"])
    check(model_of([node], {"x": (2, 3, 4)}, {"c": f32(3, 1)}), tolerance=1e-4)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("other", [(2, 3, 4, 5), (2, 3, 1, 1), (2, 1, 4, 5), (2, 1, 1, 5)])
def test_two_blobs(op, other):
    node = helper.make_node(op, ["x", "z"], ["y"])
    check(model_of([node], {"x": (2, 3, 4, 5), "z": other}), tolerance=1e-4)


def test_a_factor_a_channel_is_not_repeated():
    node = helper.make_node("Mul", ["z", "x"], ["y"])
    net = check(model_of([node], {"z": (2, 3, 1, 1), "x": (2, 3, 4, 5)}))
    assert [layer.type for layer in net.layers[2:]] == ["Flatten", "Scale"]


def test_constants_that_are_refused():
    check_refused("Add", (2, 3), {"c": f32(2, 1)}, reason="differs from image to image")
    check_refused("Add", (2, 1), {"c": f32(3)}, reason="makes a blob of shape")


@pytest.mark.parametrize("op", ["Sum", "Mean", "Max", "Min"])
def test_many_blobs(op):
    node = helper.make_node(op, ["x", "z", "u"], ["y"])
    check(model_of([node], {"x": (2, 3, 4), "z": (2, 3, 4), "u": (2, 3, 4)}))


def test_extremes_with_bounds():
    assert check_node("Max", (2, 3), {"c": np.float32([0])}) == ["ReLU"]
    assert check_node("Min", (2, 3), {"c": np.array(0.25, np.float32)}) == ["Clip"]
    check_refused("Max", (2, 3), {"c": f32(3)}, reason="is one of its operands")


def test_power():
    assert check_node("Pow", (2, 3), {"c": np.array(2, np.float32)}) == ["Power"]
    check_refused("Pow", (2, 3), {"c": f32(3)}, reason="exponents of shape")
