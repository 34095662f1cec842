"""Pick against NumPy."""

import numpy as np
import pytest

from tests.layers.oracles import check_fixed, check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.pick import Pick


def test_reference(rng):
    """Places outside of an image stand for its nearest element, and NaN for its first."""
    x, places = normal(rng, 2, 3, 4), np.float32([[[0, 11], [5, 5]], [[-3, 40], [np.nan, 7]]])
    within = np.array([[0, 11, 5, 5], [0, 11, 0, 7]])
    expected = np.take_along_axis(x.reshape(2, 12), within, axis=1).reshape(2, 2, 2)
    check_layer(Pick(), [x, places], expected, roundings=0)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [([(2, 3)], "images and places"), ([(2, 3), (3, 1)], "2 images, and places for 3"), ([(2, 3)] * 3, "images and")],
)
def test_what_does_not_fit_is_refused(shapes, message):
    with pytest.raises(ShapeError, match=message):
        Pick().infer([Blob(shape) for shape in shapes], 1)


def test_no_channel_can_go(rng):
    check_fixed(Pick(), [normal(rng, 2, 3, 4), np.ones((2, 5), np.float32)], rng)
