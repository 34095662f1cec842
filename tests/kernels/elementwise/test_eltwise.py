"""Eltwise against the reference, bit for bit: the same operations in the same order."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, check_net, feed_for, input_layer, make_params, one_layer_net
from xdn.graph import Layer, Net

IMAGE = (10, 5, 3)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX", "MIN"])
def test_operations(operation, count):
    check_layer("Eltwise", *[IMAGE] * count, operation=operation)


def test_quotient():
    check_layer("Eltwise", IMAGE, IMAGE, operation="DIV")


@pytest.mark.parametrize("coeff", [(1.0, -1.0), (0.3, 2.5, -1.75), (0.0, 1.0, 0.1, 7.0)])
def test_coefficients(coeff):
    check_layer("Eltwise", *[IMAGE] * len(coeff), coeff=coeff)


@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX"])
@pytest.mark.parametrize(
    "bottoms", [("a", "a"), ("a", "b", "a"), ("a", "a", "b"), ("b", "a", "a"), ("a", "a", "a"), ("a", "b", "a", "b")]
)
def test_a_bottom_that_is_repeated(bottoms, operation):
    layer = Layer("layer", make_params("Eltwise", operation=operation), bottoms, ("y",))
    inputs = (input_layer("a", *IMAGE), input_layer("b", *IMAGE))
    check_net(Net("repeated", (*inputs, layer), ("y",)))


@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX", "MIN"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_and_infinity_at_each_bottom(operation, place):
    net = one_layer_net("Eltwise", (4,), (4,), (4,), operation=operation)
    feed = feed_for(net)
    feed[f"x{place}"][0] = [np.nan, np.inf, -np.inf, np.nan]
    with np.errstate(invalid="ignore"):
        check_net(net, feed=feed)
