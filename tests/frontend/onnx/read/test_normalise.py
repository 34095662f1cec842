import pytest

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32


def test_batch_normalization():
    constants = {name: f32(3, seed=seed) for seed, name in enumerate(("scale", "bias", "mean", "variance"))}
    assert check_node("BatchNormalization", (2, 3, 4, 5), constants, epsilon=1e-3) == ["BatchNorm", "Scale"]
    reason = "statistics of the batch"
    check_refused("BatchNormalization", (2, 3, 4, 5), constants, training_mode=1, reason=reason)


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
