"""Reduction of images and of positions against its reference."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, feed_for, one_layer_net
from xdn.runtime.session import Session

OPERATIONS = ("SUM", "ASUM", "SUMSQ", "MEAN")


def _rounded_once(net, feed, expected):
    """Sums in f64 on both sides: the product is rounded once, and may fall to either side where it lies between."""
    return 2 * UNIT * np.abs(expected) + 1e-12 * np.abs(feed["x0"]).sum()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("image", [(10, 5, 3), (7,), (37, 4), (3, 4, 5, 2)])
def test_reduction_of_images(operation, image):
    (result,) = check_layer("Reduction", image, operation=operation, axis=1, coeff=0.3, allowed=_rounded_once)
    assert result.ndim == 1


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("image", "axis"), [((10, 5, 3), 2), ((10, 5, 3), -1), ((37, 4), 2), ((3, 4, 5, 2), 3)])
def test_reduction_of_positions(operation, image, axis):
    check_layer("Reduction", image, operation=operation, axis=axis, coeff=-2, allowed=_rounded_once)


def test_sums_do_not_lose_small_values_beside_large_ones():
    net = one_layer_net("Reduction", (3, 2), axis=1)
    x = np.array([[[1e8, 1], [1, 1], [-1e8, 1]]], np.float32)
    np.testing.assert_array_equal(Session(net).run(None, {"x0": x})[0], [4])


def test_a_reduction_over_the_batch_is_computed_apart():
    net = one_layer_net("Reduction", (3, 2), axis=0)
    feed = feed_for(net, 5)
    np.testing.assert_allclose(Session(net).run(None, feed)[0], feed["x0"].sum(dtype=np.float64), rtol=1e-6)
