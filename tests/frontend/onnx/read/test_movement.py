import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontend.onnx.read.onnx_models import check, check_node, check_refused, f32, i64, model_of, one_node
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of


@pytest.mark.parametrize("shape", [(0, 12), (0, -1), (-1, 12), (0, 3, 4), (0, 2, 6), (0, 0, 2, 2)])
def test_reshape(shape):
    check_node("Reshape", (2, 3, 4), {"shape": i64(*shape)})


def test_a_batch_that_a_model_computes():
    """As PyTorch writes x.view(x.size(0), -1)."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"], axis=0),
        helper.make_node("Unsqueeze", ["batch", "axes"], ["first"]),
        helper.make_node("Concat", ["first", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["y"]),
    ]
    constants = {"zero": np.array(0, np.int64), "axes": i64(0), "rest": i64(-1)}
    check(model_of(nodes, {"x": ("n", 3, 4)}, constants))


def test_a_shape_that_does_not_fit():
    model = model_of([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": (2, 3)}, {"s": i64(2, 4)})
    with pytest.raises(ShapeError, match=r"node 'y' \(Reshape\): a blob of shape \(2, 3\) cannot become"):
        net_of(model, "model")


def test_reshapes_of_reshapes():
    """The last one is one of the first one's bottom, or nothing; those that nobody reads are left out."""
    nodes = [
        helper.make_node("Reshape", [a, s], [b]) for a, s, b in (("x", "s", "a"), ("a", "t", "b"), ("b", "u", "c"))
    ]
    nodes += [helper.make_node("Relu", ["b"], ["y"]), helper.make_node("Relu", ["c"], ["z"])]
    shapes = {"s": i64(-1, 4), "t": i64(-1, 2, 2, 3), "u": i64(-1, 3, 4)}
    net = check(model_of(nodes, {"x": ("n", 3, 4)}, shapes, outputs=("y", "z")))
    assert [layer.type for layer in net.layers] == ["Input", "Reshape", "ReLU", "ReLU"]


def test_flatten_squeeze_and_unsqueeze():
    check_node("Flatten", (2, 3, 4))
    check_node("Squeeze", (2, 1, 4, 1), {"axes": i64(1, -1)})
    check_node("Squeeze", (2, 1, 4), opset=11, axes=[1])
    check_node("Unsqueeze", (2, 3), {"axes": i64(1, -1)})
    check_refused("Squeeze", (1, 3), {"axes": i64(0)}, reason="takes away the batch axis")
    check_refused("Unsqueeze", (1, 3), {"axes": i64(0)}, reason="before the batch")


def test_transpose():
    assert check_node("Transpose", (2, 3, 4, 5), perm=[0, 2, 3, 1]) == ["Permute"]
    assert check_node("Transpose", (2, 3, 4)) == ["Permute"]
    check_node("Transpose", (2, 3, 4), perm=[1, 0, 2])


def test_concat_and_split():
    check(model_of([helper.make_node("Concat", ["x", "z"], ["y"], axis=-3)], {"x": (2, 3, 4, 5), "z": (2, 1, 4, 5)}))
    parts = [helper.make_node("Split", ["x", "sizes"], ["a", "y"], axis=1)]
    check(model_of(parts, {"x": (2, 5, 4)}, {"sizes": i64(2, 3)}, outputs=("y", "a")))
    equal = [helper.make_node("Split", ["x"], ["a", "b"], axis=2)]
    check(model_of(equal, {"x": (2, 3, 4)}, outputs=("b", "a"), opset=11))


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ((1,), (3,), (1,), (1,)),
        ((1, 0), (2**63 - 1, -1), (1, 3), (1, 1)),
        ((0, 1), (2**63 - 1, 2**63 - 1), (2, 3), (2, 2)),
        ((-2,), (2**63 - 1,), (-1,), (1,)),
        ((-1, 3), (0, 0), (1, 2), (-1, -2)),
        ((0, 1), (4, 6), (1, 3), (2, 3)),
    ],
)
def test_slice(starts, ends, axes, steps):
    constants = {"s": i64(*starts), "e": i64(*ends), "a": i64(*axes), "t": i64(*steps)}
    check_node("Slice", (2, 4, 5, 6), constants)


def test_slices_that_are_refused():
    backwards = {"s": i64(-1), "e": i64(-3), "a": i64(0), "t": i64(-1)}
    check_refused("Slice", (2, 4), backwards, reason="along the batch")
    with pytest.raises(ShapeError, match="its step along axis 1 is 0"):
        net_of(one_node("Slice", (2, 4), {**backwards, "a": i64(1), "t": i64(0)}), "model")


def test_a_slice_of_which_something_is_missing():
    constants = {"s": i64(0, 0), "e": i64(1), "a": i64(1, 2), "t": i64(1, 1)}
    with pytest.raises(ShapeError, match="2 starts, 1 ends, 2 axes and 2 steps"):
        net_of(one_node("Slice", (2, 4, 5), constants), "model")


def test_gather_of_single_values():
    info = helper.make_tensor_value_info("x", TensorProto.INT64, (2, 3))
    model = model_of([helper.make_node("Gather", ["table", "x"], ["y"])], {}, {"table": f32(7)})
    model.graph.input.append(info)
    rows = np.array([[0, 6, 2], [3, 3, 1]])
    found = net_of(model, "model").forward({"x": rows.astype(np.float32)})["y"]
    np.testing.assert_array_equal(found, f32(7)[rows])


@pytest.mark.parametrize("mode", ["edge", "reflect", "wrap"])
def test_pad_with_positions(mode):
    assert check_node("Pad", (2, 3, 4), {"pads": i64(0, 1, 3, 0, 0, 2)}, opset=19, mode=mode).count("Take") == 2


def test_pads_that_are_refused():
    check_refused("Pad", (2, 3), {"pads": i64(1, 0, 0, 0)}, reason="along the batch")
    check_refused("Pad", (2, 3), {"pads": i64(0, -1, 0, 0)}, mode="edge", reason="pads by .-1, 0. in mode edge")
    check_refused("Pad", (2, 3), {"pads": i64(0, 1, 0, 0)}, mode="round", reason="its mode is round")
    with pytest.raises(ShapeError, match="too long"):
        net_of(one_node("Pad", (2, 3), {"pads": i64(0, 1 << 40, 0, 0)}), "model")


def test_pad_and_tile():
    assert check_node("Pad", (2, 3, 4, 5), {"pads": i64(0, 0, 1, 2, 0, 0, 0, 1)}) == ["Pad", "Split"]
    for value in (0.5, -3.4e38, -np.inf):
        check_node("Pad", (2, 3, 4, 5), {"pads": i64(0, 0, 1, 2, 0, 0, 0, 1), "value": np.array(value, np.float32)})
    check_node("Pad", (2, 3, 4, 5), opset=10, pads=[0, 0, 1, 2, 0, 0, 0, 1])
    check_node("Pad", (2, 3, 4, 5), {"pads": i64(0, 1, -1, 2, 0, 0, 3, -2)})
    check_node("Pad", (2, 3, 4, 5), {"pads": i64(0, 1, -1, 0, 0, 0, 3, -2), "value": np.array(-np.inf, np.float32)})
    check_node("Tile", (2, 3, 1, 2), {"repeats": i64(1, 2, 3, 1)})
    check_node("Expand", (2, 3, 1), {"shape": i64(1, 3, 4)})
    check_refused("Tile", (2, 3), {"repeats": i64(2, 1)}, reason="repeats images")


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode):
    check_node("DepthToSpace", (2, 12, 3, 4), blocksize=2, mode=mode)


def test_space_to_depth():
    check_node("SpaceToDepth", (2, 3, 4, 6), blocksize=2)


def test_a_constant_beside_blobs():
    """It is the same for all images, as the token of a class before those of patches."""
    nodes = [helper.make_node("Concat", ["c", "x", "nothing"], ["y"], axis=1)]
    constants = {"c": f32(1, 2, 3), "nothing": np.zeros((1, 0, 3), np.float32)}
    net = net_of(model_of(nodes, {"x": ("n", 4, 3)}, constants), "m").with_batch(3)
    x = f32(3, 4, 3)
    wanted = np.concatenate([constants["c"].repeat(3, axis=0), x], axis=1)
    np.testing.assert_array_equal(net.forward({"x": x})["y"], wanted)
    constants |= {"c": f32(2, 2, 3), "nothing": np.zeros((2, 0, 3), np.float32)}
    check(model_of(nodes, {"x": (2, 4, 3)}, constants), batches=())
    with pytest.raises(UnsupportedError, match=r"a constant of shape \(2, 2, 3\) beside a blob"):
        net_of(model_of(nodes, {"x": ("n", 4, 3)}, constants), "m")


def test_parts_without_elements():
    nodes = [
        helper.make_node("Split", ["x", "sizes"], ["a", "b"], axis=1),
        helper.make_node("Concat", ["b", "a"], ["y"], axis=1),
    ]
    check(model_of(nodes, {"x": ("n", 4)}, {"sizes": i64(4, 0)}))
