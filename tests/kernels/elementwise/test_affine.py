"""BatchNorm, Scale, Bias and PReLU against the references; what the executor refuses, it names."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, check_net, close, exact, feed_for, one_layer_net, sums
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.parts import WholePart
from xdn.runtime.session import Session

IMAGES = [(10, 5, 3), (37,), (1, 1, 1), (3, 4)]


@pytest.mark.parametrize("image", IMAGES)
def test_batch_norm(image):
    # Both subtract with one rounding; the factor 1 / sqrt() has two, the product one; a quotient in place of both, two.
    check_layer("BatchNorm", image, allowed=close(5))


def test_batch_norm_without_statistics():
    net = one_layer_net("BatchNorm", (3, 2, 2))
    layer = net.layer("layer")
    empty = layer.replace(weights=dict(layer.weights) | {"scale_factor": np.zeros(1, np.float32)})
    check_net(net.replace(layers=(net.layers[0], empty)), close(5))


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("bias", [True, False])
def test_scale(image, bias):
    # Product and sum are fused here, rounded apart in the reference: relative to the magnitudes of both.
    check_layer("Scale", image, bias_term=bias, allowed=sums if bias else exact)


@pytest.mark.parametrize("image", IMAGES)
def test_bias_is_exact(image):
    check_layer("Bias", image)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("shared", [True, False])
def test_prelu_is_exact(image, shared):
    check_layer("PReLU", image, channel_shared=shared)


@pytest.mark.parametrize("type_name", ["BatchNorm", "Scale", "Bias", "PReLU"])
def test_infinities_and_nan(type_name):
    net = one_layer_net(type_name, (4,))
    feed = feed_for(net)
    feed["x0"][0] = [np.nan, np.inf, -np.inf, 0]
    with np.errstate(invalid="ignore"):
        check_net(net, close(5), feed)


@pytest.mark.parametrize(
    ("type_name", "params"),
    [
        ("BatchNorm", {"use_global_stats": False}),
        ("BN", {"affine_only": True}),
    ],
)
def test_other_coefficients_have_no_kernel(type_name, params):
    net = one_layer_net(type_name, (4, 3, 2), **params)
    (part,) = Session(net).parts
    assert isinstance(part, WholePart)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2, -3])
@pytest.mark.parametrize("params", [{}, {"bias_term": True}, None], ids=["scale", "scale and bias", "bias"])
def test_an_axis_as_long_as_the_channels_is_not_the_channels(params, axis, schedule):
    net = one_layer_net("Bias" if params is None else "Scale", (3, 3, 3), axis=axis, **(params or {}))
    x = feed_for(net, 3)["x0"]
    # By definition, with loops over the axis instead of broadcasting.
    expected, weights = x.copy(), net.layer("layer").weights
    for i in range(3):
        at = (slice(None),) * (axis % 4) + (i,)
        expected[at] = expected[at] * weights.get("scale", np.ones(3, np.float32))[i]
        expected[at] += weights.get("bias", np.zeros(3, np.float32))[i]
    (result,) = Session(net, schedule=schedule).run(None, {"x0": x})
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale_bias", [False, True])
@pytest.mark.parametrize("image", [(10, 5, 3), (37,)])
def test_batch_norm_with_scale_inside(image, scale_bias):
    # Mean, factor (a root, a quotient, a product), and one fused multiply-add on each side.
    check_layer("BatchNorm", image, scale_bias=scale_bias, allowed=_cancelling)


@pytest.mark.parametrize("params", [{}, {"affine_only": True, "bn_mode": "INFERENCE"}])
@pytest.mark.parametrize("image", [(10, 5, 3), (37,)])
def test_bn_of_the_forks(image, params):
    check_layer("BN", image, allowed=_cancelling, **params)


def _cancelling(net, feed, expected):
    """A sum of two terms may cancel: the error is relative to them, and not to what is left."""
    weights = {name: np.abs(array) for name, array in net.layers[-1].weights.items()}
    layer = net.layers[-1].replace(weights=weights)
    mean = weights.get("mean", np.zeros(1, np.float32))
    shape = (1, -1, *(1,) * (feed["x0"].ndim - 2))
    (magnitude,) = layer.forward([np.abs(feed["x0"]) + 2 * np.abs(mean).reshape(shape)])
    return 8 * UNIT * np.abs(magnitude) + UNIT * np.abs(expected)
