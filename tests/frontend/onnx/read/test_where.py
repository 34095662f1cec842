import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontend.onnx.read.onnx_models import f32, model_of
from xdn.frontend.onnx.read.net import net_of


def _net(shapes, constants):
    """Return the net of a Where that reads inputs c, a and b, or constants of these names."""
    model = model_of([helper.make_node("Where", ["c", "a", "b"], ["y"])], shapes, constants)
    for info in model.graph.input:
        if info.name == "c":
            info.type.tensor_type.elem_type = TensorProto.BOOL
    return net_of(model, "model")


@pytest.mark.parametrize(
    ("shapes", "constants"),
    [
        ({"c": (2, 3, 4), "a": (2, 3, 4), "b": (2, 3, 4)}, {}),
        ({"c": (2, 1, 4), "a": (2, 3, 4), "b": (2, 3, 1)}, {}),
        ({"c": (2, 3, 4), "a": (2, 3, 4)}, {"b": np.array(-np.inf, np.float32)}),
        ({"a": (2, 3, 4), "b": (2, 3, 4)}, {"c": np.tri(3, 4, dtype=bool)}),
        ({"c": (2, 3, 4)}, {"a": f32(4), "b": np.float32([[0], [1], [2]])}),
    ],
)
def test_where(rng, shapes, constants):
    net = _net(shapes, constants)
    assert net.layers[-1].type == "Where"
    feed = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    if "c" in feed:
        feed["c"] = (feed["c"] > 0).astype(np.float32)
    given = feed | constants
    expected = np.where(given["c"].astype(bool), given["a"], given["b"])
    np.testing.assert_array_equal(net.forward(feed)["y"], expected)


def test_a_constant_that_is_larger():
    rng = np.random.default_rng(2)
    net = _net({"c": (2, 1, 4), "a": (2, 1, 4)}, {"b": f32(3, 4)})
    c, a = rng.integers(0, 2, (2, 1, 4)).astype(np.float32), np.float32(np.full((2, 1, 4), np.nan))
    np.testing.assert_array_equal(net.forward({"c": c, "a": a})["y"], np.where(c > 0, a, f32(3, 4)))


def test_constants_of_one_batch_are_two():
    """Both differ from image to image, so that the net is of the batch alone that the model states."""
    a, b = f32(2, 3), 5 + f32(2, 3)
    nodes = [helper.make_node("Greater", ["x", "zero"], ["c"]), helper.make_node("Where", ["c", "a", "b"], ["y"])]
    x = np.float32([[1, -1, 1], [-1, 1, -1]])
    net = net_of(model_of(nodes, {"x": (2, 3)}, {"zero": np.float32(0), "a": a, "b": b}), "m")
    np.testing.assert_array_equal(net.forward({"x": x})["y"], np.where(x > 0, a, b))
