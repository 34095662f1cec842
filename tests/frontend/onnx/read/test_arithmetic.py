import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontend.onnx.read.onnx_models import check, check_node, f32, model_of
from xdn.frontend.onnx.read.net import net_of

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


def test_constants_that_differ_from_image_to_image_or_make_a_blob_larger():
    assert check_node("Sub", (2, 3), {"c": f32(2, 1)}, batches=()) == ["Parameter", "Binary"]
    assert check_node("Div", (2, 1), {"c": f32(3)}) == ["Parameter", "Binary"]
    assert check_node("Mul", (2, 3), {"c": f32(4, 1, 1)}) == ["Parameter", "Binary"]
    node = helper.make_node("Div", ["c", "x"], ["y"])
    check(model_of([node], {"x": (2, 3)}, {"c": f32(4, 1, 3)}), tolerance=1e-4)


def test_blobs_of_different_axes():
    for op in (*OPERATIONS, "Sum", "Mean", "Max", "Min"):
        node = helper.make_node(op, ["x", "z"], ["y"])
        check(model_of([node], {"x": (3, 3, 4), "z": (3, 4)}), batches=(), tolerance=1e-4)


@pytest.mark.parametrize("op", ["Sum", "Mean", "Max", "Min"])
def test_many_blobs(op):
    node = helper.make_node(op, ["x", "z", "u"], ["y"])
    check(model_of([node], {"x": (2, 3, 4), "z": (2, 3, 4), "u": (2, 3, 4)}))


def test_extremes_with_bounds():
    assert check_node("Max", (2, 3), {"c": np.float32([0])}) == ["ReLU"]
    assert check_node("Min", (2, 3), {"c": np.array(0.25, np.float32)}) == ["Clip"]
    assert "Binary" in check_node("Max", (2, 3), {"c": f32(3)})


def test_power():
    assert check_node("Pow", (2, 3), {"c": np.array(2, np.float32)}) == ["Power"]
    node = helper.make_node("Pow", ["c", "x"], ["y"])
    check(model_of([node], {"x": (2, 3)}, {"c": f32(3)}))


def test_whole_numbers():
    nodes = [
        helper.make_node("Cast", ["x"], ["whole"], to=TensorProto.INT32),
        helper.make_node("Div", ["whole", "three"], ["quotient"]),
        helper.make_node("Mod", ["whole", "three"], ["remainder"]),
        helper.make_node("Mul", ["quotient", "remainder"], ["z"]),
        helper.make_node("Cast", ["z"], ["y"], to=TensorProto.FLOAT),
    ]
    net = net_of(model_of(nodes, {"x": (1, 4)}, {"three": np.array(3, np.int32)}), "m")
    found = net.forward({"x": np.float32([[7.9, -7.9, 2, 10]])})["y"]
    # 7 and -7: 2 and -2, with 1 and 2 left (the remainder has the divisor's sign).
    np.testing.assert_array_equal(found, [[2, -4, 0, 3]])


def test_remainders():
    check_node("Mod", (2, 3), {"c": f32(3)}, fmod=1)
