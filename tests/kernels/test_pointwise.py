"""Activations that stand alone, against the references, with infinities and NaN."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, check_net, close, exact, feed_for, one_layer_net
from xdn.runtime.session import Session

IMAGES = [(10, 5, 3), (37,), (1, 1, 1), (3, 2, 2, 2)]


def _absolute(roundings):
    """e**x - 1 near 1 and below: each side errs by that many roundings of a number not larger than 1."""
    return lambda net, feed, expected: np.full_like(expected, roundings * UNIT)


def _sigmoid(net, feed, expected):
    """exp errs by 2 ulp (4 UNIT), then a sum and a quotient; the reference cancels 0.5 * tanh + 0.5 in f64."""
    return close(8)(net, feed, expected) + 2.0**-53


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("slope", [0.0, 0.1, -0.5])
def test_relu_is_exact(image, slope):
    check_layer("ReLU", image, negative_slope=slope)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("alpha", [1.0, 0.25])
def test_elu(image, alpha):
    check_layer("ELU", image, alpha=alpha, allowed=_absolute(8))


@pytest.mark.parametrize("image", IMAGES)
def test_sigmoid(image):
    check_layer("Sigmoid", image, allowed=_sigmoid)


@pytest.mark.parametrize("image", IMAGES)
def test_tanh(image):
    # From 0.625 on 1 - 2 / (exp(2x) + 1): its errors are those of the quotient, of 0.45 at most. NumPy's: 4 ulp.
    check_layer("TanH", image, allowed=close(16))


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("given", [{}, {"scale_train": False, "dropout_ratio": 0.3}])
def test_dropout_at_test_time(image, given):
    check_layer("Dropout", image, **given)


@pytest.mark.parametrize(
    ("type_name", "allowed"),
    [("ReLU", exact), ("ELU", _absolute(8)), ("Sigmoid", _sigmoid), ("TanH", close(16)), ("Dropout", exact)],
)
def test_extremes_as_in_the_reference(type_name, allowed):
    net = one_layer_net(type_name, (10,))
    feed = feed_for(net)
    feed["x0"][0, :9] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 87.0, -87.0]
    with np.errstate(all="ignore"):
        check_net(net, allowed, feed)


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_a_fused_relu_is_the_layer(slope):
    net = one_layer_net("ReLU", (10,), negative_slope=slope)
    feed = feed_for(net)
    feed["x0"][0, :3] = [np.nan, np.inf, -0.0]
    (alone,) = Session(net).run(None, feed)
    np.testing.assert_array_equal(alone[0, :2], [np.nan, np.inf])
    assert np.signbit(alone[0, 2])
