"""LRN within channels, by the bounds and the scalars of LRN across them."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer, feed_for, one_layer_net
from tests.kernels.normalise.test_lrn import ALLOWED, by_scalars
from xdn.runtime.session import Session


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("image", [(3, 1, 1), (10, 2, 3), (1, 7, 5), (3, 9, 1)])
def test_within_a_channel(image, size):
    check_layer("LRN", image, allowed=ALLOWED, norm_region="WITHIN_CHANNEL", local_size=size)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("channels", [1, 5])
def test_bits_within_a_channel_are_those_of_scalars(channels, size):
    """Squares are summed position by position, row-major, then divided by the size of the whole square."""
    net = one_layer_net("LRN", (channels, 4, 3), norm_region="WITHIN_CHANNEL", local_size=size, alpha=0.7)
    feed, reach = feed_for(net), size // 2
    x = feed["x0"]
    energy = np.zeros_like(x)
    for p, q in np.ndindex(4, 3):
        for r, s in np.ndindex(size, size):
            h, w = p + r - reach, q + s - reach
            if 0 <= h < 4 and 0 <= w < 3:
                energy[:, :, p, q] += x[:, :, h, w] * x[:, :, h, w]
    energy /= net.layers[-1].params.squares_pooling().counts((4, 3)).reshape(4, 3)
    np.testing.assert_array_equal(Session(net).run(None, feed)[0], by_scalars(net, x, energy, 0.7))
