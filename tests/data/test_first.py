"""The first images of a data set."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes
from xdn.data.first import first_images
from xdn.errors import DataError


def test_the_first_images_alone():
    data, some = Stripes(), first_images(Stripes(), 7)
    assert len(some) == 7
    assert np.array_equal(some.images(2, 7), data.images(2, 7))
    assert np.array_equal(some.labels, data.labels[:7])
    assert (some.name, some.title, some.classes, some.shape) == (data.name, data.title, data.classes, data.shape)
    with pytest.raises(DataError, match="has 7"):
        some.images(0, 8)


@pytest.mark.parametrize("count", [None, 70, 71])
def test_all_of_them(count):
    data = Stripes()
    assert first_images(data, count) is data
