"""Softmax against the reference, and in f64."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, check_net, close, feed_for, one_layer_net
from tests.kernels.core.test_mathematics import evaluate
from xdn.runtime.session import Session


@pytest.mark.parametrize("image", [(1,), (2,), (10,), (37,), (100,), (10, 5, 3), (3, 2, 2, 2)])
def test_over_the_channels(image):
    # Each exponential errs by 2 ulp (4 UNIT) on one side and 4 on the other; a sum of C positive terms by C roundings.
    check_layer("Softmax", image, allowed=close(16 + 2 * image[0]))


def test_sums_to_one_for_large_and_small_values():
    net = one_layer_net("Softmax", (10,))
    feed = feed_for(net)
    feed["x0"] *= np.float32(1e4)
    feed["x0"][0] = -3e38
    (result,) = Session(net).run(None, feed)
    np.testing.assert_allclose(result.sum(axis=1, dtype=np.float64), 1, atol=10 * UNIT)
    x = feed["x0"].astype(np.float64)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(result, e / e.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [0, 3])
def test_extremes_as_in_the_reference(value, channel):
    net = one_layer_net("Softmax", (4,))
    feed = feed_for(net)
    feed["x0"][0, channel] = value
    with np.errstate(invalid="ignore"):
        check_net(net, close(24), feed)


@pytest.mark.parametrize("channels", [1, 2, 10, 37])
def test_bits_are_those_of_scalars(channels):
    """Maximum, exponentials, sum and quotients of f32 one by one, channels ascending."""
    net = one_layer_net("Softmax", (channels, 2, 3))
    feed = feed_for(net)
    x = feed["x0"]
    x[0, :, 0, 0], x[1, 0, 0, 1], x[2, channels - 1, 1, 1], x[3, 0, 0, 0] = -np.inf, np.nan, np.nan, np.inf
    most, total, values = x[:, 0], np.zeros_like(x[:, 0]), np.empty_like(x)
    for c in range(1, channels):
        most = np.where(x[:, c] > most, x[:, c], most)
    with np.errstate(invalid="ignore"):
        for c in range(channels):
            values[:, c] = evaluate("exp", (x[:, c] - most).ravel()).reshape(most.shape)
            total += values[:, c]
        np.testing.assert_array_equal(Session(net).run(None, feed)[0], values / total[:, None])
