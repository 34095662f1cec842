"""Downsample by loops over places, as FlowNet's kernel computes it."""

import math

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.downsample import Downsample


def _naive(image, size):
    """Return the top (P, Q) of an image (H, W): means of the places around, within the radius of its kernel."""
    top = np.zeros(size)
    steps = [(old - 1) / (new - 1) for old, new in zip(image.shape, size, strict=True)]
    for place in np.ndindex(*size):
        at = [p * step for p, step in zip(place, steps, strict=True)]
        reach = [math.ceil(step) for step in steps]
        around = [range(round(y) - far, round(y) + far + 1) for y, far in zip(at, reach, strict=True)]
        total = value = 0.0
        for i in around[0]:
            for j in around[1]:
                if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                    weight = max(0, 1 - abs(i - at[0]) / steps[0]) * max(0, 1 - abs(j - at[1]) / steps[1])
                    total, value = total + weight, value + weight * image[i, j]
        top[place] = value / total
    return top


@pytest.mark.parametrize("size", [(3, 4), (2, 2), (4, 7), (6, 2)])
def test_reference(rng, size):
    x = normal(rng, 2, 2, 7, 10)
    expected = np.array([[_naive(image, size) for image in images] for images in x])
    check_layer(Downsample(top_height=size[0], top_width=size[1]), [x], expected, roundings=64, magnitude=4)
    check_layer(Downsample(), [x, np.zeros((1, 1, *size), np.float32)], expected, roundings=64, magnitude=4)


def test_images_of_that_size_stay(rng):
    x = normal(rng, 2, 3, 1, 5)
    check_layer(Downsample(top_height=1, top_width=5), [x], x, roundings=0)
    check_carried(Downsample(top_height=2, top_width=3), [normal(rng, 2, 4, 5, 5)], rng)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({"top_height": 1, "top_width": 3}, [(1, 2, 4, 6)], "two rows and columns at least"),
        ({"top_height": 3}, [(1, 2, 4, 6)], "give both, or a second bottom"),
        ({}, [(2, 4, 6)], "images"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Downsample(**fields).infer([Blob(shape) for shape in shapes], 1)
