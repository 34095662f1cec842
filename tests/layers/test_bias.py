"""Bias against NumPy's broadcasting, learned and with two bottoms."""

import numpy as np
import pytest

from tests.layers.oracles import (
    check_carried,
    check_layer,
    check_needs_every_position,
    check_positions,
    check_weight_channels,
    normal,
    weights_for,
)
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.bias import Bias


@pytest.mark.parametrize(
    ("axis", "num_axes", "subscripts"),
    [(1, 1, "nchw,c->nchw"), (0, 2, "nchw,nc->nchw"), (2, -1, "nchw,hw->nchw"), (-1, 1, "nchw,w->nchw")],
)
def test_learned(rng, axis, num_axes, subscripts):
    params = Bias(axis=axis, num_axes=num_axes)
    x = normal(rng, 2, 3, 4, 5)
    weights = weights_for(params, [x], rng)
    expected = x + np.einsum(subscripts, np.ones_like(x), weights["bias"])
    # One addition is one rounding, the same everywhere.
    check_layer(params, [x], expected, weights=weights, roundings=0)


@pytest.mark.parametrize(
    ("axis", "shape", "subscripts"), [(0, (2, 3), "nchw,nc->nchw"), (1, (3, 4, 5), "nchw,chw->nchw")]
)
def test_two_bottoms(rng, axis, shape, subscripts):
    x, operand = normal(rng, 2, 3, 4, 5), normal(rng, *shape)
    expected = x + np.einsum(subscripts, np.ones_like(x), operand)
    check_layer(Bias(axis=axis), [x, operand], expected, roundings=0)


def test_scalar(rng):
    x = normal(rng, 2, 3)
    check_layer(Bias(num_axes=0), [x], x + np.float32(2), weights={"bias": np.array(2, np.float32)}, roundings=0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="second bottom"):
        Bias().infer([Blob((2, 3, 4, 5)), Blob((4,))], 1)
    with pytest.raises(ShapeError, match="num_axes"):
        Bias(num_axes=9).infer([Blob((2, 3, 4, 5))], 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_channels_are_carried(rng, axis):
    check_carried(Bias(axis=axis), [normal(rng, 2, 4, 3, 3)], rng)


def test_channels_are_carried_from_both_bottoms(rng):
    check_carried(Bias(axis=0), [normal(rng, 2, 4, 3, 3), normal(rng, 2, 4)], rng)


def test_positions(rng):
    x = normal(rng, 2, 3, 7, 5)
    for fields in ({}, {"axis": 0}, {"axis": -3}, {"axis": 0, "num_axes": 2}, {"num_axes": 0}):
        check_positions(Bias(**fields), [x], rng)
    for fields in ({"axis": 2}, {"num_axes": 2}, {"axis": -1}, {"num_axes": -1}):
        check_needs_every_position(Bias(**fields), [Blob(x.shape)])
    # The second bottom is not an image: it cannot be asked for every second row.
    check_needs_every_position(Bias(), [Blob(x.shape), Blob((3,))])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("num_axes", [0, 1, -1])
def test_weight_channels(rng, axis, num_axes):
    check_weight_channels(Bias(axis=axis, num_axes=num_axes), [normal(rng, 2, 4, 3, 3)], rng)
