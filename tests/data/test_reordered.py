"""Channels in another order."""

import numpy as np

from tests.data.samples import ArrayDataset
from xdn.data.reordered import reordered


def test_channels_are_turned_round(rng):
    pixels = rng.integers(0, 256, (3, 4, 5, 3), np.uint8)
    data = ArrayDataset(pixels, [0, 1, 2])
    turned = reordered(data, "bgr")
    assert turned.channel_order == "bgr"
    assert turned.labels is data.labels
    np.testing.assert_array_equal(turned.images(1, 3), pixels[1:3, :, :, ::-1])
    np.testing.assert_array_equal(reordered(turned, "rgb").images(0, 3), pixels)


def test_a_data_set_in_that_order_is_left_as_it_is(rng):
    data = ArrayDataset(rng.integers(0, 256, (1, 4, 5, 3), np.uint8), [0])
    assert reordered(data, "rgb") is data
