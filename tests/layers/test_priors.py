"""The grid of boxes that layers of priors share, of one box by hand."""

from dataclasses import dataclass

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.priors import Priors


@dataclass(frozen=True)
class One(Priors):
    """A box of 4 x 8 pixels around each position, 1 pixel to its right."""

    def boxes(self):
        return [(1.0, 0.0, 4.0, 8.0)]

    def infer(self, bottoms, n_tops):
        self.check_grid(bottoms)
        return (Blob((1, 2, 4 * bottoms[0].shape[2] * bottoms[0].shape[3])),)


BOTTOMS = [np.zeros((1, 5, 1, 2), np.float32), np.zeros((1, 3, 16, 32), np.float32)]


@pytest.mark.parametrize(
    ("fields", "middles", "image"),
    [
        ({}, [(9, 8), (25, 8)], (32, 16)),
        ({"step": 10.0}, [(6, 5), (16, 5)], (32, 16)),
        ({"step_w": 10.0, "step_h": 6.0, "offset": 0.0}, [(1, 0), (11, 0)], (32, 16)),
        ({"img_size": 64}, [(17, 32), (49, 32)], (64, 64)),
    ],
)
def test_positions(fields, middles, image):
    (top,) = One(**fields).reference(BOTTOMS, {}, 1)
    boxes = [(x - 2, y - 4, x + 2, y + 4) for x, y in middles]
    expected = np.array(boxes) / [*image, *image]
    np.testing.assert_allclose(top[0, 0], expected.ravel(), rtol=1e-6)
    np.testing.assert_array_equal(top[0, 1], np.float32([0.1] * 8))


def test_borders_and_variances():
    params = One(offset=0.0, clip=True, variance=(0.1, 0.2, 0.3, 0.4))
    (top,) = params.reference(BOTTOMS, {}, 1)
    np.testing.assert_array_equal(top[0, 0, :4], np.float32([0, 0, 3 / 32, 4 / 16]))
    np.testing.assert_array_equal(top[0, 1], np.float32([0.1, 0.2, 0.3, 0.4] * 2))


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 5, 1, 2)], "a map and the image"),
        ({"offset": float("inf")}, [(1, 5, 1, 2), (1, 3, 16, 32)], "all are finite"),
        ({"variance": (1.0, 2.0, 3.0)}, [(1, 5, 1, 2), (1, 3, 16, 32)], "3 variance"),
    ],
)
def test_grids_that_are_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        One(**fields).infer([Blob(shape) for shape in shapes], 1)
