import numpy as np
import onnxruntime
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import f32, i64, model_of
from xdn.errors import ShapeError
from xdn.frontend.onnx.read.net import net_of


def attention(batch, heads, steps=4):
    """Attention whose heads of 3 lie beside the batch, and lines of all steps and images that become steps again."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=(1, 0, 2)),
        helper.make_node("Reshape", ["a", "heads"], ["b"]),
        helper.make_node("Transpose", ["b"], ["q"], perm=(1, 0, 2)),
        helper.make_node("Transpose", ["q"], ["k"], perm=(0, 2, 1)),
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("MatMul", ["s", "q"], ["o"]),
        helper.make_node("Transpose", ["o"], ["t"], perm=(1, 0, 2)),
        helper.make_node("Reshape", ["t", "lines"], ["l"]),
        helper.make_node("MatMul", ["l", "w"], ["m"]),
        helper.make_node("Reshape", ["m", "steps"], ["n"]),
        helper.make_node("Transpose", ["n"], ["y"], perm=(1, 0, 2)),
    ]
    width = heads * 3
    w = np.linspace(-1, 1, width * 5, dtype=np.float32).reshape(width, 5)
    shapes = {"heads": i64(steps, -1, 3), "lines": i64(-1, width), "steps": i64(-1, batch, 5)}
    return model_of(nodes, {"x": (batch, steps, width)}, {"w": w, **shapes})


@pytest.mark.parametrize("heads", [1, 2])
def test_a_net_of_two_images_takes_any_number(heads):
    net = net_of(attention(2, heads), "m")
    for batch in (1, 2, 3, 4):
        x = f32(batch, 4, heads * 3)
        (wanted,) = onnxruntime.InferenceSession(attention(batch, heads).SerializeToString()).run(None, {"x": x})
        np.testing.assert_allclose(net.with_batch(batch).forward({"x": x})["y"], wanted, rtol=1e-5, atol=1e-5)


def test_a_shape_that_takes_images_apart_is_of_one_batch_alone():
    nodes = [helper.make_node("Transpose", ["x"], ["a"], perm=(1, 0, 2))]
    nodes += [helper.make_node("Reshape", ["a", "shape"], ["y"])]
    net = net_of(model_of(nodes, {"x": (4, 5, 2)}, {"shape": i64(10, 4)}), "m")
    x = f32(4, 5, 2)
    np.testing.assert_array_equal(net.forward({"x": x})["y"], x.swapaxes(0, 1).reshape(10, 4))
    with pytest.raises(ShapeError, match="elements"):
        net.with_batch(2).forward({"x": x[:2]})


def test_a_copied_axis_is_the_batchs_whatever_its_extent():
    """Of a batch of 1 no extent tells where it is."""
    nodes = [helper.make_node("Transpose", ["x"], ["a"], perm=(1, 0, 2, 3))]
    nodes += [helper.make_node("Reshape", ["a", "shape"], ["b"])]
    nodes += [helper.make_node("Transpose", ["b"], ["y"], perm=(1, 0, 2))]
    # A model with an LSTM, since another one lays the batch before all axes.
    weights = {"w": f32(1, 4, 6), "r": f32(1, 4, 1)}
    nodes += [helper.make_node("LSTM", ["b", *weights], ["z"], hidden_size=1)]
    net = net_of(model_of(nodes, {"x": (1, 5, 2, 3)}, weights | {"shape": i64(0, 0, -1)}, ["y", "z"]), "m")
    x = f32(4, 5, 2, 3)
    np.testing.assert_array_equal(net.with_batch(4).forward({"x": x})["y"], x.reshape(4, 5, 6))


def test_an_axis_before_the_batch():
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["a"])]
    nodes += [helper.make_node("Transpose", ["a"], ["y"], perm=(1, 0, 2))]
    net = net_of(model_of(nodes, {"x": (2, 3)}, {"shape": i64(1, 2, 3)}), "m")
    x = f32(4, 3)
    np.testing.assert_array_equal(net.with_batch(4).forward({"x": x})["y"], x[:, None])


def test_projections_that_lie_before_the_batch():
    """As PyTorch packs those of queries, keys and values: (N, T, 3 x D) -> (3, N, T, D)."""
    nodes = [
        helper.make_node("Reshape", ["x", "parts"], ["a"]),
        helper.make_node("Unsqueeze", ["a", "zero"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=(3, 1, 2, 0, 4)),
        helper.make_node("Squeeze", ["c", "three"], ["d"]),
        helper.make_node("Gather", ["d", "one"], ["y"], axis=0),
    ]
    constants = {"parts": i64(2, 4, 3, 5), "zero": i64(0), "one": np.array(1), "three": i64(3)}
    net = net_of(model_of(nodes, {"x": (2, 4, 15)}, constants), "m")
    x = f32(3, 4, 15)
    np.testing.assert_array_equal(net.with_batch(3).forward({"x": x})["y"], x[:, :, 5:10])
