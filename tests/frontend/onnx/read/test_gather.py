import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32, i64, model_of, one_node
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of


def agrees(node, feed, constants=None, opset=18):
    """Assert that a net of one node agrees with the reference of the package `onnx`; return its layers' types."""
    model = model_of([node], {name: value.shape for name, value in feed.items()}, constants, opset=opset)
    for info in model.graph.input:
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(feed[info.name].dtype)
    (wanted,) = ReferenceEvaluator(model).run(None, feed)
    net = net_of(model, "m")
    found = net.forward({name: value.astype(np.float32) for name, value in feed.items()})["y"]
    np.testing.assert_array_equal(found, wanted)
    return [layer.type for layer in net.layers]


def test_gather():
    check_node("Gather", (2, 4, 3), {"i": np.array(2, np.int64)}, axis=1)
    check_node("Gather", (2, 4, 3), {"i": i64(1, 2)}, axis=1)
    check_node("Gather", (2, 4, 3), {"i": i64(2, -4, 2, 0).reshape(2, 2)}, axis=1)
    check_refused("Gather", (2, 4, 3), {"i": i64(1, 0)}, axis=0, reason="along the batch")
    with pytest.raises(ShapeError, match=r"elements \[4\] of 4 along axis 1"):
        net_of(one_node("Gather", (2, 4, 3), {"i": i64(4)}, axis=1), "model")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_by_a_blob(axis):
    node = helper.make_node("Gather", ["x", "i"], ["y"], axis=axis)
    assert "Pick" in agrees(node, {"x": f32(2, 3, 4), "i": i64(1, -2, 0, 1).reshape(2, 2)})
    agrees(node, {"i": i64(1, -2)}, {"x": f32(2, 3, 4)})


NUMBERS = i64(1, 0, -1, 1, 0, 0).reshape(2, 3)


@pytest.mark.parametrize("axis", [0, 1])
def test_elements(axis):
    gather = helper.make_node("GatherElements", ["x", "i"], ["y"], axis=axis)
    assert "Pick" in agrees(gather, {"x": f32(2, 3), "i": NUMBERS})
    assert "Take" in agrees(gather, {"x": f32(2, 3)}, {"i": NUMBERS})
    for reduction in ("add", "max"):
        scatter = helper.make_node("ScatterElements", ["x", "i", "u"], ["y"], axis=axis, reduction=reduction)
        agrees(scatter, {"x": f32(2, 3), "i": NUMBERS, "u": f32(2, 3, seed=2)})
        agrees(scatter, {"u": f32(2, 3, seed=2)}, {"x": f32(2, 3), "i": NUMBERS})


def test_elements_of_any_batch():
    """Each image has numbers of its own."""
    model = model_of([helper.make_node("GatherElements", ["x", "i"], ["y"], axis=1)], {"x": ("n", 3), "i": ("n", 2)})
    x, i = f32(4, 3), np.float32([[0, 2], [1, 1], [-1, 0], [2, 2]])
    found = net_of(model, "m").with_batch(4).forward({"x": x, "i": i})["y"]
    np.testing.assert_array_equal(found, np.take_along_axis(x, i.astype(int) % 3, axis=1))


@pytest.mark.parametrize("batches", [0, 1])
def test_parts(batches):
    numbers = i64(1, 0, 0, -1).reshape(2, 2)[:, : 2 - batches]
    gather = helper.make_node("GatherND", ["x", "i"], ["y"], batch_dims=batches)
    agrees(gather, {"x": f32(2, 3, 4), "i": numbers})
    agrees(gather, {"x": f32(2, 3, 4)}, {"i": numbers})
    if not batches:
        agrees(gather, {"x": f32(2, 3, 4)}, {"i": numbers[0]})
        scatter = helper.make_node("ScatterND", ["x", "i", "u"], ["y"], reduction="mul")
        agrees(scatter, {"x": f32(2, 3, 4), "i": numbers, "u": f32(2, 4)})
        agrees(scatter, {"x": f32(2, 3, 4)}, {"i": numbers, "u": f32(2, 4)})


def test_what_is_refused():
    check_refused("GatherElements", (2, 3), {"i": NUMBERS}, axis=0, reason="along the batch")
    check_refused("ScatterND", (2, 3), {"i": NUMBERS[:1, :2], "u": f32(1)}, reason="along the batch")
    with pytest.raises(ShapeError, match="its indices are not all below 3"):
        net_of(one_node("GatherElements", (1, 3), {"i": i64(3).reshape(1, 1)}, axis=1), "m")
    with pytest.raises(ShapeError, match=r"indices of shape \(\) of elements of shape \(3,\)"):
        net_of(one_node("GatherElements", (2, 3), {"i": i64(0, 1)}, axis=1), "m")
    for numbers in (np.array(0, np.int64), i64(0)):
        with pytest.raises(ShapeError, match=r"indices of shape \(\) of parts"):
            net_of(one_node("GatherND", ("n", 3), {"i": numbers}, batch_dims=1), "m")
    with pytest.raises(UnsupportedError, match="too many for numbers of f32"):
        net_of(one_node("GatherElements", (1, 1 << 25), {"i": i64(3).reshape(1, 1)}, axis=1), "m")


def test_gather_of_rows():
    info = helper.make_tensor_value_info("x", TensorProto.INT64, (2, 3))
    model = model_of([helper.make_node("Gather", ["table", "x"], ["y"])], {}, {"table": f32(7, 4)})
    model.graph.input.append(info)
    net = net_of(model, "model")
    rows = np.array([[0, 6, 2], [3, 3, 1]])
    assert [layer.type for layer in net.layers[1:]] == ["Embed"]
    np.testing.assert_array_equal(net.forward({"x": rows.astype(np.float32)})["y"], f32(7, 4)[rows])
