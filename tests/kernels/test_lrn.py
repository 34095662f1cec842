"""LRN against the references."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, check_net, close, feed_for, one_layer_net

# The sum of n squares errs by n roundings on each side; energy ** -beta = exp(-beta * log(energy)) turns an absolute
# error of the exponent (below 4 here, so 4 UNIT a rounding) into a relative one; NumPy's power errs by 2 ulp.
ACROSS = close(32)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("channels", [1, 2, 3, 10, 37])
def test_across_channels(channels, size):
    check_layer("LRN", (channels, 3, 2), allowed=ACROSS, local_size=size)


@pytest.mark.parametrize("params", [{"alpha": 1e-4, "k": 2.0}, {"beta": 0.5}, {"beta": 0.0}, {"alpha": 10.0, "k": 0.5}])
def test_fields(params):
    check_layer("LRN", (10, 3, 2), allowed=ACROSS, **params)


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("image", [(3, 1, 1), (10, 2, 3), (1, 7, 5), (3, 9, 1)])
def test_within_a_channel(image, size):
    check_layer("LRN", image, allowed=ACROSS, norm_region="WITHIN_CHANNEL", local_size=size)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("region", ["ACROSS_CHANNELS", "WITHIN_CHANNEL"])
def test_a_neighbour_without_bounds(region, value):
    net = one_layer_net("LRN", (5, 3, 3), norm_region=region, local_size=3)
    feed = feed_for(net)
    feed["x0"][0, 2, 1, 1] = value
    with np.errstate(all="ignore"):
        check_net(net, ACROSS, feed)


def test_no_energy_at_all():
    net = one_layer_net("LRN", (3, 1, 1), k=0.0)
    feed = feed_for(net)
    feed["x0"][0] = 0
    with np.errstate(all="ignore"):
        check_net(net, ACROSS, feed)
