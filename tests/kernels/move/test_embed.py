"""Embed: rows of a table, for blobs of any number of axes and numbers of any kind."""

import numpy as np
import pytest

from tests.kernels.checks import check_net, exact, feed_for, one_layer_net


@pytest.mark.parametrize("bias_term", [True, False])
@pytest.mark.parametrize("shape", [(), (5,), (17,), (3, 4), (2, 3, 4)])
def test_rows(shape, bias_term):
    net = one_layer_net("Embed", shape, input_dim=7, num_output=5, bias_term=bias_term)
    feed = feed_for(net)
    feed["x0"] = np.random.default_rng(0).integers(0, 7, feed["x0"].shape).astype(np.float32)
    (result,) = check_net(net, exact, feed)
    assert result.shape == (*feed["x0"].shape, 5)


def test_numbers_outside_of_the_range_give_the_nearest_row():
    net = one_layer_net("Embed", (8,), input_dim=7, num_output=2)
    feed = feed_for(net, 5)
    feed["x0"][:] = [-1, -np.inf, np.nan, 6.9, 7, 1e30, np.inf, 0.9]
    check_net(net, exact, feed)
