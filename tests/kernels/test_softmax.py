"""Softmax against the reference, and in f64."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, check_net, close, feed_for, one_layer_net
from xdn.errors import UnsupportedError
from xdn.runtime.session import Session


@pytest.mark.parametrize("image", [(1,), (2,), (10,), (37,), (100,), (10, 5, 3), (3, 2, 2, 2)])
def test_over_the_channels(image):
    # Each exponential errs by 2 ulp (4 UNIT) on one side and 4 on the other; a sum of C positive terms by C roundings.
    check_layer("Softmax", image, allowed=close(16 + 2 * image[0]))


def test_over_another_axis_is_refused():
    net = one_layer_net("Softmax", (3, 4), axis=2)
    with pytest.raises(UnsupportedError, match="axis 1, not axis 2"):
        Session(net).run(None, feed_for(net, 1))


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
