import numpy as np
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32, model_of, one_node
from xdn.frontend.onnx.read.net import net_of


def test_instance_normalization():
    types = check_node("InstanceNormalization", (2, 3, 4, 5), {"scale": f32(3), "bias": f32(3)}, epsilon=0.01)
    assert types == ["MVN", "Scale"]


def test_group_normalization():
    for opset, count in ((18, 2), (21, 4)):
        constants = {"scale": f32(count), "bias": f32(count)}
        check_node("GroupNormalization", (2, 4, 3, 3), constants, opset=opset, num_groups=2, epsilon=0.01)


def test_mean_variance_normalization():
    check_node("MeanVarianceNormalization", (2, 3, 4, 5), axes=[2, 3])
    check_node("MeanVarianceNormalization", (2, 3, 4, 5), axes=[1, 2, 3])
    check_refused("MeanVarianceNormalization", (2, 3, 4, 5), reason="along axes")


def test_global_lp_pool():
    check_node("GlobalLpPool", (2, 3, 4, 5), p=3)


def test_rms_normalization():
    node = helper.make_node("RMSNormalization", ["x", "scale"], ["y"], axis=-2, epsilon=0.5)
    net = net_of(model_of([node], {"x": (2, 3, 4)}, {"scale": f32(3, 4)}, opset=23), "m")
    x = f32(2, 3, 4, seed=3)
    mean = np.square(x).mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(net.forward({"x": x})["y"], x / np.sqrt(mean + 0.5) * f32(3, 4), rtol=1e-5)
    one = net_of(one_node("RMSNormalization", (2, 4), {"scale": f32(1)}, opset=23, epsilon=0.5), "m")
    x = f32(2, 4, seed=3)
    mean = np.square(x).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(one.forward({"x": x})["y"], x / np.sqrt(mean + 0.5) * f32(1), rtol=1e-5)


def test_lp_normalization():
    for axis, p in ((1, 2), (-1, 1), (2, 2)):
        check_node("LpNormalization", (2, 3, 4, 5), axis=axis, p=p)
    check_refused("LpNormalization", (2, 3), axis=0, reason="along the batch")
    net = net_of(model_of([helper.make_node("LpNormalization", ["x"], ["y"])], {"x": (1, 2)}), "m")
    np.testing.assert_array_equal(net.forward({"x": np.zeros((1, 2), np.float32)})["y"], [[0, 0]])
