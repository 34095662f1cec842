"""Softmax along positions against its reference."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, check_layer, close, feed_for, one_layer_net
from xdn.graph import Blob
from xdn.kernels.normalise.softmax_positions import axis_positions
from xdn.runtime.session import Session


@pytest.mark.parametrize(
    ("image", "axis"), [((10, 5, 3), 2), ((10, 5, 3), 3), ((7, 9), 2), ((3, 4, 5, 2), 3), ((4, 1, 1), 2), ((3, 4), -1)]
)
def test_softmax(image, axis):
    # As over the channels: 2 ulp of each exponential on one side and 4 on the other, and the sum's roundings.
    check_layer("Softmax", image, axis=axis, allowed=close(16 + 2 * 5))


def test_large_values_sum_to_one():
    net = one_layer_net("Softmax", (3, 20), axis=2)
    feed = feed_for(net)
    feed["x0"] *= np.float32(1e4)
    (result,) = Session(net).run(None, feed)
    np.testing.assert_allclose(result.sum(axis=2, dtype=np.float64), 1, atol=20 * UNIT)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4), (2, 3, 4, 5, 6)])
def test_positions_along_an_axis(shape):
    places = np.arange(np.prod(shape[2:])).reshape(shape[2:])
    for axis in range(2, len(shape)):
        starts, step, count = axis_positions(Blob(shape), axis)
        found = starts[:, None] + step * np.arange(count)
        np.testing.assert_array_equal(found, np.moveaxis(places, axis - 2, -1).reshape(-1, shape[axis]))
