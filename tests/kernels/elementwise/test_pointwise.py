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


POINTWISE = [
    ("ReLU6", {}, exact),
    ("HSigmoid", {}, exact),
    ("HSwish", {}, exact),
    ("AbsVal", {}, exact),
    ("Clip", {"min": -0.5, "max": 0.7}, exact),
    ("Threshold", {"threshold": 0.3}, exact),
    ("Comparison", {"operation": "GREATER_OR_EQUAL", "number": 0.3}, exact),
    # As the sigmoid, and a product.
    ("Swish", {}, close(10)),
    ("Swish", {"beta": 1.5}, close(12)),
    ("SELU", {}, _absolute(16)),
    # The reference is rounded once; the quotient's errors are those of exp, and of five operations.
    ("Mish", {}, close(16)),
    # From 1 on what errs by 4 ulp is 1 less something.
    ("Erf", {}, close(8)),
    # 1 and erf, or tanh, cancel below 0: their errors, of 8 UNIT, are relative to 1, and x to them below 8.
    ("Gelu", {}, _absolute(64)),
    ("Gelu", {"approximate": True}, _absolute(64)),
    # The errors of exp, of log, and of the quotient that mends what 1 + e**x rounds away.
    ("BNLL", {}, close(16)),
    ("Power", {}, exact),
    ("Power", {"scale": 2, "shift": 1}, exact),
    ("Power", {"power": 0}, exact),
    ("Power", {"power": 2, "scale": 0.5}, exact),
    ("Power", {"power": 3, "scale": 0.5, "shift": 0.2}, close(4)),
    ("Power", {"power": 0.5, "scale": 0.1, "shift": 5}, close(2)),
    ("Power", {"power": -1, "scale": 0.1, "shift": 5}, exact),
    # The logarithm's error (2 UNIT of at most 2) times the power, and that of exp; NumPy's pow errs by 1 ulp.
    ("Power", {"power": 5, "scale": 0.1, "shift": 3}, close(24)),
    ("Power", {"power": 2.5, "scale": 0.1, "shift": 3}, close(24)),
    ("Exp", {}, close(8)),
    ("Exp", {"base": 2, "scale": 0.5, "shift": 0.1}, close(10)),
    ("Log", {"scale": 0.1, "shift": 3}, close(8)),
    ("Log", {"scale": 0.1, "shift": 3, "base": 10}, close(10)),
]


@pytest.mark.parametrize("image", IMAGES[:2])
@pytest.mark.parametrize(("type_name", "given", "allowed"), POINTWISE)
def test_every_other_function(type_name, given, allowed, image):
    check_layer(type_name, image, allowed=allowed, **given)


@pytest.mark.parametrize("power", [2.0, 3.0, -3.0, 5.0, 1.5])
def test_a_negative_base_has_a_power_only_where_that_is_an_integer(power):
    net = one_layer_net("Power", (4,), power=power)
    (result,) = check_net(net, close(24), {"x0": np.array([[-2, -0.5, 0.5, 2]], np.float32)})
    assert np.isnan(result[0, 0]) == (power == 1.5)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("given", [{}, {"scale_train": False, "dropout_ratio": 0.3}])
def test_dropout_at_test_time(image, given):
    check_layer("Dropout", image, **given)


@pytest.mark.parametrize(
    ("type_name", "allowed"),
    [
        ("ReLU", exact),
        ("ELU", _absolute(8)),
        ("Sigmoid", _sigmoid),
        ("TanH", close(16)),
        ("Dropout", exact),
        ("ReLU6", exact),
        ("HSigmoid", exact),
        ("HSwish", exact),
        ("AbsVal", exact),
        ("Clip", exact),
        ("Threshold", exact),
        ("BNLL", close(16)),
        ("Exp", close(8)),
        ("Log", close(8)),
        ("SELU", _absolute(16)),
    ],
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
