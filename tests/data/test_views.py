"""The first images, and channels in another order."""

import numpy as np
import pytest

from tests.data.samples import ArrayDataset
from tests.evaluate.building import Stripes
from xdn.data.views import first_images, reordered
from xdn.errors import DataError


def test_the_first_images_alone():
    data, some = Stripes(), first_images(Stripes(), 7)
    assert len(some) == 7
    assert np.array_equal(some.images(2, 7), data.images(2, 7))
    assert np.array_equal(some.labels, data.labels[:7])
    assert (some.name, some.title, some.classes, some.shape) == (data.name, data.title, data.classes, data.shape)
    assert (some.origin, some.split, some.channel_order) == ("", "test", "rgb")
    with pytest.raises(DataError, match="has 7"):
        some.images(0, 8)


@pytest.mark.parametrize("count", [None, 70, 71])
def test_all_of_them(count):
    data = Stripes()
    assert first_images(data, count) is data


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
