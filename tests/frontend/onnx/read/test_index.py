import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.bounded import STATM, bounded
from tests.frontend.onnx.read.onnx_models import check, check_node, check_refused, i64, model_of
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize(("axis", "keepdims"), [(1, 1), (-1, 0)])
def test_places_of_the_largest(op, last, axis, keepdims):
    nodes = [
        helper.make_node("Round", ["x"], ["whole"]),  # Some values are equal.
        helper.make_node(op, ["whole"], ["place"], axis=axis, keepdims=keepdims, select_last_index=last),
        helper.make_node("Cast", ["place"], ["y"], to=TensorProto.FLOAT),
    ]
    check(model_of(nodes, {"x": (2, 7, 6)}))


def test_along_the_batch():
    check_refused("ArgMax", (2, 3), axis=0, reason="along the batch")


def test_hardmax():
    check_node("Hardmax", (2, 3, 4), axis=1)
    check_node("Hardmax", (2, 4), opset=11)
    check_refused("Hardmax", (2, 3, 4), opset=11, reason="from one on are one")


@pytest.mark.parametrize("axis", [1, -1])
def test_one_hot(axis):
    node = helper.make_node("OneHot", ["x", "depth", "values"], ["y"], axis=axis)
    model = model_of([node], {"x": (1, 5)}, {"depth": i64(3), "values": np.float32([0.5, 2])})
    found = net_of(model, "m").forward({"x": np.float32([[0, 2, -1, 3, -4]])})["y"]
    # By hand: -1 is the last place, 3 and -4 are none.
    expected = np.full((1, 5, 3), 0.5, np.float32)
    expected[0, [0, 1, 2], [0, 2, 2]] = 2
    np.testing.assert_array_equal(found, expected if axis == -1 else expected.swapaxes(1, 2))


def test_triangles():
    for upper in (0, 1):
        check_node("Trilu", (2, 3, 4), {"k": np.array(1, np.int64)}, upper=upper)


def test_a_constant_of_a_blobs_shape():
    nodes = [helper.make_node("EyeLike", ["x"], ["eye"]), helper.make_node("Add", ["x", "eye"], ["y"])]
    check(model_of(nodes, {"x": (3, 4)}), batches=())
    with pytest.raises(UnsupportedError, match="shapes"):
        net_of(model_of([helper.make_node("EyeLike", ["x"], ["y"])], {"x": ("n", 4)}), "m")


def test_the_middle():
    node = helper.make_node("CenterCropPad", ["x", "shape"], ["y"], axes=[1, 2])
    net = net_of(model_of([node], {"x": (1, 5, 2)}, {"shape": i64(2, 5)}, opset=18), "m")
    found = net.forward({"x": np.arange(10, dtype=np.float32).reshape(1, 5, 2)})["y"]
    np.testing.assert_array_equal(found, [[[0, 2, 3, 0, 0], [0, 4, 5, 0, 0]]])


@pytest.mark.skipif(not STATM.exists(), reason="memory is bounded by means that only Linux has")
def test_the_middle_of_a_long_axis_takes_little_memory():
    node = helper.make_node("CenterCropPad", ["x", "shape"], ["y"], axes=[1, 2])
    model = model_of([node], {"x": (1, 2, (1 << 24) - 1)}, {"shape": i64(2, 5)}, opset=18)
    with bounded(30, 96 << 20):
        assert net_of(model, "m").blobs["y"].shape == (1, 2, 5)


def test_so_long_an_axis_is_not_reversed():
    start, end = np.array([-1]), np.array([-(1 << 30)])
    slices = {"start": start, "end": end, "axes": np.array([2]), "steps": start}
    node = helper.make_node("Slice", ["x", *slices], ["y"])
    with pytest.raises(ShapeError, match="an axis of 4194304 positions is too long"):
        net_of(model_of([node], {"x": (1, 2, 1 << 22)}, slices), "m")


@pytest.mark.parametrize("attributes", [{}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}])
def test_sums_of_what_is_before(attributes):
    for axis in (1, -1):
        check_node("CumSum", (2, 3, 4), {"axis": np.array(axis, np.int64)}, **attributes)
    check_refused("CumSum", (2, 3), {"axis": np.array(0, np.int64)}, reason="along the batch")


def test_numbers_in_a_row():
    numbers = {name: np.array(value, np.float32) for name, value in (("a", 1), ("b", 4), ("c", 1))}
    nodes = [helper.make_node("Range", ["a", "b", "c"], ["row"]), helper.make_node("Add", ["x", "row"], ["y"])]
    check(model_of(nodes, {"x": (2, 3)}, numbers))


def test_regions():
    node = helper.make_node("MaxRoiPool", ["x", "z"], ["y"], pooled_shape=[2, 2], spatial_scale=0.5)
    net = net_of(model_of([node], {"x": (1, 1, 4, 4), "z": (1, 5)}), "m")
    feed = {"x": np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4), "z": np.float32([[0, 0, 0, 6, 6]])}
    np.testing.assert_array_equal(net.forward(feed)["y"], [[[[5, 7], [13, 15]]]])


def _top_k(largest, axis=1):
    node = helper.make_node("TopK", ["x", "k"], ["y", "places"], axis=axis, largest=largest)
    return net_of(model_of([node], {"x": (2, 5, 2)}, {"k": i64(3)}, outputs=("y", "places")), "model")


@pytest.mark.parametrize("largest", [0, 1])
def test_top_k(largest):
    """Of equal values the first ones."""
    x = np.float32([[[3, 1], [7, 1], [3, 0], [7, 1], [1, 2]], [[0, 0], [1, 0], [2, 0], [3, 0], [4, 0]]])
    order = np.argsort(-x if largest else x, axis=1, kind="stable")[:, :3]
    found = _top_k(largest).forward({"x": x})
    np.testing.assert_array_equal(found["places"], order)
    np.testing.assert_array_equal(found["y"], np.take_along_axis(x, order, 1))


def test_top_k_that_is_refused():
    with pytest.raises(UnsupportedError, match="along the batch"):
        _top_k(largest=1, axis=0)
