"""Take against NumPy."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_fixed, check_layer, check_moves, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.take import Take


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_reference(rng, axis):
    x = normal(rng, 2, 3, 4)
    check_layer(Take(axis=axis, index=(1, 0, 1)), [x], np.take(x, [1, 0, 1], axis), roundings=0)


def test_a_zero(rng):
    x = normal(rng, 2, 3)
    check_layer(Take(index=(-1, 2)), [x], np.stack([np.zeros(2, np.float32), x[:, 2]], axis=1), roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(2, 3)], "one or more"),
        ({"index": (3,)}, [(2, 3)], "index 3 of 3"),
        ({"index": (-2,)}, [(2, 3)], "index -2"),
        ({"index": (0,), "axis": 2}, [(2, 3)], "axis 2"),
        ({"index": (0,)}, [(2, 3)] * 2, "2 bottoms"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Take(**fields).infer([Blob(shape) for shape in shapes], 1)


def test_images_are_joined_along_their_axis_only(rng):
    x = normal(rng, 2, 3, 4)
    assert Take(axis=0, index=(1,)).joins_images([Blob(x.shape)])
    assert not Take(axis=0, index=(1,)).moves_only([Blob(x.shape)])
    check_moves(Take(axis=2, index=(3, -1, 0)), [x])


def test_channels_stay_but_where_they_are_taken(rng):
    x = normal(rng, 2, 3, 4)
    check_carried(Take(axis=2, index=(1, 1)), [x], rng)
    check_fixed(Take(index=(2, 0)), [x], rng)
    assert "channels" in Take(index=(0,)).why_fixed([Blob(x.shape)])
