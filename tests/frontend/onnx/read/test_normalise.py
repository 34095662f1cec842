import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check, check_node, check_refused, f32, model_of, one_node
from xdn.errors import ShapeError
from xdn.frontend.onnx.read.net import net_of


def test_batch_normalization():
    constants = {name: f32(3, seed=seed) for seed, name in enumerate(("scale", "bias", "mean", "variance"))}
    assert check_node("BatchNormalization", (2, 3, 4, 5), constants, epsilon=1e-3) == ["BatchNorm", "Scale"]
    reason = "statistics of the batch"
    check_refused("BatchNormalization", (2, 3, 4, 5), constants, training_mode=1, reason=reason)


@pytest.mark.parametrize("axis", [-1, 1])
def test_layer_normalization(axis):
    shape = (2, 5, 6)
    constants = {"scale": f32(*shape[axis:]), "bias": f32(6, seed=2)}
    assert check_node("LayerNormalization", shape, constants, axis=axis, epsilon=1e-3) == ["LayerNorm"]
    check_node("LayerNormalization", shape, {"scale": f32(*shape[axis:])}, axis=axis)


def test_layer_normalization_that_is_not_read():
    check_refused("LayerNormalization", (2, 5), {"scale": f32(2, 5)}, axis=0, reason="along the batch")
    model = one_node("LayerNormalization", (2, 5), {"scale": f32(4)})
    with pytest.raises(ShapeError, match=r"scale and bias of shapes \(4,\) and \(\) over axes of \(5,\)"):
        net_of(model, "model")


def test_lrn():
    assert check_node("LRN", (2, 7, 4, 5), size=5, alpha=0.3, beta=0.5, bias=2.0) == ["LRN"]
    check_refused("LRN", (2, 7, 4, 5), size=4, reason="its size is 4")


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_softmax(op, opset, axis):
    check_node(op, (2, 3, 4, 5), opset=opset, axis=axis)


def test_softmax_along_the_batch():
    check_refused("Softmax", (2, 3), axis=0, reason="along the batch")


def test_what_layer_normalization_measures():
    nodes = [helper.make_node("LayerNormalization", ["x", "s"], ["y", "mean", "deviation"], axis=1, epsilon=0.01)]
    check(model_of(nodes, {"x": (1, 3, 4)}, {"s": f32(3, 4)}, outputs=("y", "mean", "deviation")))
