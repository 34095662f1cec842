import numpy as np
import onnxruntime
import pytest
from onnx import helper

import xdn
from tests.frontend.onnx.read.onnx_models import check, f32, i64, model_of
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of


def turned(source, target, order=(1, 0, 2)):
    return helper.make_node("Transpose", [source], [target], perm=order)


def test_the_batch_goes_elsewhere_and_back():
    """Axes are counted as the model does; a constant lies along the last ones, as everywhere."""
    nodes = [
        turned("x", "a"),
        helper.make_node("Softmax", ["a"], ["b"], axis=0),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("Slice", ["d", "one", "three", "zero"], ["e"]),
        helper.make_node("MatMul", ["e", "w"], ["f"]),
        turned("f", "y"),
    ]
    numbers = {"zero": i64(0), "one": i64(1), "three": i64(3)}
    net = check(model_of(nodes, {"x": ("n", 5, 4)}, {"c": f32(5, 1, 4), "w": f32(4, 3), **numbers}))
    assert "Permute" not in [layer.type for layer in net.layers]


def test_heads_beside_the_batch():
    """Scores of two heads, which lie beside the batch on one axis: (T, N x H, D) of (N, T, H x D)."""
    nodes = [
        turned("x", "a"),
        helper.make_node("Reshape", ["a", "heads"], ["b"]),
        turned("b", "q"),
        turned("q", "k", (0, 2, 1)),
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("Reshape", ["s", "images"], ["y"]),
    ]
    check(model_of(nodes, {"x": ("n", 5, 6)}, {"heads": i64(5, -1, 3), "images": i64(-1, 2, 5, 5)}))


def test_heads_of_attention_are_channels():
    """Queries and keys, taken apart where a Transpose has laid them before the batch: (3, N, H, T, D)."""
    nodes = [helper.make_node("Reshape", ["x", "parts"], ["a"]), turned("a", "b", (2, 0, 3, 1, 4))]
    nodes += [helper.make_node("Gather", ["b", "zero"], ["q"], axis=0)]
    nodes += [helper.make_node("Slice", ["b", "one", "two", "axes"], ["c"])]
    nodes += [helper.make_node("Squeeze", ["c", "axes"], ["d"]), turned("d", "k", (0, 1, 3, 2))]
    nodes += [helper.make_node("MatMul", ["q", "k"], ["y"])]
    numbers = {"zero": np.array(0, np.int64), "one": i64(1), "two": i64(2), "axes": i64(0)}
    net = check(model_of(nodes, {"x": ("n", 4, 18)}, {"parts": i64(0, 4, 3, 2, 3), **numbers}))
    (product,) = [layer for layer in net.layers if layer.type == "MatMul"]
    assert [net.blobs[bottom].shape[1:] for bottom in product.bottoms] == [(2, 4, 3), (2, 3, 4)]


def test_a_residual_with_its_batch_first_meets_one_without():
    nodes = [turned("x", "a"), helper.make_node("Unsqueeze", ["x", "one"], ["b"]), turned("b", "c", (1, 2, 0, 3))]
    nodes += [helper.make_node("Unsqueeze", ["a", "zero"], ["d"]), turned("d", "e", (2, 0, 1, 3))]
    nodes += [turned("c", "f", (2, 0, 1, 3)), helper.make_node("Add", ["e", "f"], ["y"])]
    check(model_of(nodes, {"x": ("n", 5, 4)}, {"one": i64(1), "zero": i64(0)}))


def compared(model, x, given):
    """Return what a net makes of x, and ONNX Runtime of what is given to it."""
    found = net_of(model, "m").with_batch(len(x)).forward({"x": x})["y"]
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": given})
    return found, wanted


def test_an_output_has_its_batch_where_the_model_has_it():
    x = f32(3, 5, 4)
    found, wanted = compared(model_of([turned("x", "y")], {"x": ("n", 5, 4)}), x, x)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("batch", ["n", 1])
def test_an_input_has_its_batch_first(batch):
    """(T, N, D) comes as (N, T, D); one that the model says to be 1, where its nodes cannot be read otherwise."""
    nodes = [helper.make_node("Softmax", ["x"], ["a"], axis=0), turned("a", "y")]
    x = f32(1 if batch == 1 else 3, 5, 4)
    found, wanted = compared(model_of(nodes, {"x": (5, batch, 4)}), x, x.swapaxes(0, 1))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def along_the_batch(shape):
    """Return a model whose nodes work along the first axis, and a Conv between them that has it as the batch."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["a"], axis=0),
        helper.make_node("Conv", ["a", "w"], ["b"]),
        helper.make_node("ReduceMax", ["b"], ["c"], axes=[0, 2], keepdims=0),
        helper.make_node("Add", ["c", "number"], ["d"]),
        helper.make_node("ReduceSum", ["d"], ["e"], keepdims=0),
        helper.make_node("Mul", ["c", "e"], ["y"]),
    ]
    infos = {"x": shape, "number": ()}
    return model_of(nodes, infos, {"w": f32(4, 3, 1, 1)}, outputs=("y", "e"))


def test_one_batch_alone():
    """What works along a batch that the model states is of this batch; a number alone has an axis in a net."""
    model = along_the_batch((2, 3, 4, 5))
    net = net_of(model, "m")
    x, number = f32(2, 3, 4, 5), np.array(0.5, np.float32)
    found = xdn.Session(net).run(None, {"x": x, "number": number.reshape(1)})
    wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x, "number": number})
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, np.atleast_1d(other), rtol=1e-5)
    with pytest.raises(ShapeError, match="has not"):
        net.with_batch(3).forward({"x": f32(3, 3, 4, 5), "number": number.reshape(1)})


def test_one_number_of_one_batch():
    node, x = helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0), f32(1, 4, 3)
    (found,) = xdn.Session(net_of(model_of([node], {"x": x.shape}), "m")).run(None, {"x": x})
    assert found == x.max()


def test_a_batch_that_is_free_stays_so():
    with pytest.raises(UnsupportedError, match=r"'a' \(Softmax\): it is along the batch"):
        net_of(along_the_batch(("n", 3, 4, 5)), "m")


@pytest.mark.parametrize(
    ("nodes", "shape", "reason"),
    [
        ([turned("x", "a"), helper.make_node("GlobalMaxPool", ["a"], ["y"])], ("n", 3, 4), "is not the first axis of"),
        ([turned("x", "a"), helper.make_node("Add", ["a", "w"], ["y"])], ("n", 3, 4), "differ in how many axes"),
        (
            [turned("x", "a"), helper.make_node("Squeeze", ["a", "one"], ["y"])],
            ("n", 3, 4),
            "no axis that is the batch",
        ),
    ],
)
def test_what_is_refused(nodes, shape, reason):
    constants = {"w": f32(1, 1, 3, 4), "one": i64(1)}
    with pytest.raises(UnsupportedError, match=reason):
        net_of(model_of(nodes, {"x": shape}, constants), "m")
