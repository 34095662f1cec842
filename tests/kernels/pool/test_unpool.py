"""Maxima with their indices, and values put back to them: equal bits, and no index leads out of the blob."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, check_net, feed_for, input_layer, make_params, one_layer_net
from xdn.graph import Layer, Net


@pytest.mark.parametrize(
    "params",
    [
        {"kernel_size": 2, "stride": 2},
        {"kernel_size": 3, "stride": 2, "pad": 1},
        {"kernel_size": 3, "stride": 1},
        {"global_pooling": True},
    ],
)
@pytest.mark.parametrize("image", [(10, 5, 3), (17, 4, 4)])
def test_largest(image, params):
    check_layer("Pooling", image, tops=2, **params)


def test_nothing_that_is_larger_has_no_index():
    net = one_layer_net("Pooling", (1, 2, 4), tops=2, kernel_size=2, stride=2)
    x = np.array([[[[np.nan, -np.inf, 1, 1], [np.nan, -np.inf, 1, np.nan]]]], np.float32)
    largest, indices = check_net(net, feed={"x0": x})
    np.testing.assert_array_equal(indices, [[[[-1, 2]]]])
    assert largest[0, 0, 0, 1] == 1


@pytest.mark.parametrize("size", [{}, {"upsample_h": 9, "upsample_w": 5}])
def test_back_to_where_they_came_from(size):
    pool = Layer("pool", make_params("Pooling", kernel_size=2, stride=2), ("x",), ("y", "at"))
    back = Layer("back", make_params("Upsample", scale=2, **size), ("y", "at"), ("z",))
    net = Net("there and back", (input_layer("x", 10, 8, 6), pool, back), ("z",))
    check_net(net)


@pytest.mark.parametrize(
    ("kind", "params"), [("Upsample", {"scale": 2}), ("Unpooling", {"kernel_size": 2, "unpool_size": 4})]
)
def test_indices_outside_are_passed_over(kind, params):
    net = one_layer_net(kind, (2, 2, 2), (2, 2, 2), **params)
    feed = feed_for(net, 1)
    feed["x1"][0] = [[[-1, np.nan], [np.inf, -np.inf]], [[15, 16], [3.7, 1e30]]]
    (result,) = check_net(net, feed=feed)
    assert np.flatnonzero(result).tolist() == [19, 31]
