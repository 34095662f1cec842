"""LRN against the references."""

import numpy as np
import pytest
from numba import njit

from tests.kernels.checks import LANES, check_layer, check_net, close, feed_for, one_layer_net
from xdn.codegen.numba_types import declare
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.core.mathematics import fma, power
from xdn.runtime.session import Session

# The sum of n squares errs by n roundings on each side; energy ** -beta = exp(-beta * log(energy)) turns an absolute
# error of the exponent (below 4 here, so 4 UNIT a rounding) into a relative one; NumPy's power errs by 2 ulp.
ALLOWED = close(32)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("channels", [1, 2, 3, 10, 37])
def test_across_channels(channels, size):
    check_layer("LRN", (channels, 3, 2), allowed=ALLOWED, local_size=size)


@pytest.mark.parametrize("params", [{"alpha": 1e-4, "k": 2.0}, {"beta": 0.5}, {"beta": 0.0}, {"alpha": 10.0, "k": 0.5}])
def test_fields(params):
    check_layer("LRN", (10, 3, 2), allowed=ALLOWED, **params)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("region", ["ACROSS_CHANNELS", "WITHIN_CHANNEL"])
def test_a_neighbour_without_bounds(region, value):
    net = one_layer_net("LRN", (5, 3, 3), norm_region=region, local_size=3)
    feed = feed_for(net)
    feed["x0"][0, 2, 1, 1] = value
    with np.errstate(all="ignore"):
        check_net(net, ALLOWED, feed)


def test_no_energy_at_all():
    net = one_layer_net("LRN", (3, 1, 1), k=0.0)
    feed = feed_for(net)
    feed["x0"][0] = 0
    with np.errstate(all="ignore"):
        check_net(net, ALLOWED, feed)


@njit(error_model="numpy")
def _scaled(x, energy, k, alpha, exponent, y):
    for i in range(x.size):
        y[i] = x[i] * power(fma(alpha, energy[i], k), exponent)


def by_scalars(net, x, energy, alpha, k=1.0):
    """Return x * (k + alpha * energy) ** -beta of f32 one by one."""
    constants = np.float32([k, alpha, -net.layers[-1].params.beta])
    y = np.empty_like(x)
    declare()
    _scaled(x.ravel(), energy.ravel(), *constants, y.reshape(-1))
    return y


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("channels", [1, 2, 10, 3 * LANES, 4 * LANES + 5])
def test_bits_across_channels_are_those_of_scalars(channels, size, schedule):
    """Squares are summed channel by channel, ascending, from zero on, whether or not a channel has all neighbours."""
    net = one_layer_net("LRN", (channels, 3, 2), local_size=size, alpha=0.7, k=2.0)
    feed, reach = feed_for(net), size // 2
    x = feed["x0"]
    energy = np.zeros_like(x)
    for c in range(channels):
        for other in range(max(0, c - reach), min(channels, c + reach + 1)):
            energy[:, c] += x[:, other] * x[:, other]
    found = Session(net, schedule=schedule).run(None, feed)[0]
    np.testing.assert_array_equal(found, by_scalars(net, x, energy, 0.7 / size, 2.0))
