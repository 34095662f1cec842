"""BatchNorm, Scale, Bias and PReLU against the references; what the executor refuses, it names."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, check_net, close, exact, feed_for, one_layer_net, sums
from xdn.errors import UnsupportedError
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
    ("type_name", "params", "why"),
    [
        ("BatchNorm", {"use_global_stats": False}, "batch statistics"),
        ("Scale", {"axis": 2}, "one coefficient per channel"),
        ("Scale", {"num_axes": 2}, "one coefficient per channel"),
        ("Bias", {"num_axes": 0}, "one coefficient per channel"),
    ],
)
def test_what_no_kernel_does_is_refused(type_name, params, why):
    net = one_layer_net(type_name, (4, 3, 2), **params)
    with pytest.raises(UnsupportedError, match=rf"'layer' \({type_name}\).*{why}"):
        Session(net).run(None, feed_for(net, 1))


@pytest.mark.parametrize("type_name", ["Scale", "Bias"])
def test_a_second_bottom_is_refused(type_name):
    net = one_layer_net(type_name, (4, 3, 2), (4, 3, 2), axis=0)
    with pytest.raises(UnsupportedError, match="one coefficient per channel"):
        Session(net).run(None, feed_for(net, 1))
