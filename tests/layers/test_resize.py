"""Resize against its loop written out."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.resize import Resize


def by_hand(x, p, q):
    """BiLinearResizeMat_cpu of util_img.cpp, in f64."""
    h, w = x.shape[2:]
    top = np.zeros((*x.shape[:2], p, q))
    for i, j in np.ndindex(p, q):
        y, z = i * h / p, j * w / q
        r, s = int(y), int(z)
        for a, share in ((r, 1 - (y - r)), (r + 1, y - r)):
            for b, part in ((s, 1 - (z - s)), (s + 1, z - s)):
                if a < h and b < w:
                    top[:, :, i, j] += share * part * x[:, :, a, b]
    return top


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"height": 7, "width": 3}, (7, 3)),
        ({"height": 2, "width": 10}, (2, 10)),
        ({"is_pyramid_test": True, "out_height_scale": 1.5, "out_width_scale": 0.5}, (6, 2)),
    ],
)
def test_reference(rng, fields, size):
    x = normal(rng, 2, 3, 4, 5)
    check_layer(Resize(**fields), [x], by_hand(x, *size), roundings=64, magnitude=4)
    check_carried(Resize(**fields), [x], rng)


def test_places_are_repeated(rng):
    x = normal(rng, 2, 3, 2, 3)
    check_layer(Resize(top_height=4, top_width=9), [x], x.repeat(2, 2).repeat(3, 3), roundings=0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "a size of 0x0"),
        ({"height": 3}, "a size of 3x0"),
        ({"top_height": 4, "top_width": 5}, "multiples of 4x4"),
        ({"top_height": 4, "top_width": 4, "height": 2}, "stand alone"),
        ({"top_height": 4, "top_width": 4, "is_pyramid_test": True, "out_height_scale": 1.5}, "stand alone"),
        ({"is_pyramid_test": True, "out_height_scale": 1.0, "out_width_scale": float("nan")}, "a size of 4x0"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        Resize(**fields).infer([Blob((1, 2, 4, 4))], 1)
    with pytest.raises(UnsupportedError, match="function_type FACTOR_GIVEN"):
        Resize(function_type="FACTOR_GIVEN").infer([Blob((1, 2, 4, 4))], 1)
