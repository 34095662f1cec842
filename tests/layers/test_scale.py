"""Scale against NumPy's and PyTorch's broadcasting and OpenCV, learned and with two bottoms."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    check_carried,
    check_layer,
    check_needs_every_position,
    check_positions,
    check_weight_channels,
    compute,
    normal,
    weights_for,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.scale import Scale


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("axis", "num_axes", "subscripts"),
    [(1, 1, "nchw,c->nchw"), (0, 2, "nchw,nc->nchw"), (2, -1, "nchw,hw->nchw"), (-1, 1, "nchw,w->nchw")],
)
def test_learned(rng, axis, num_axes, subscripts, bias):
    params = Scale(axis=axis, num_axes=num_axes, bias_term=bias)
    x = normal(rng, 2, 3, 4, 5)
    weights = weights_for(params, [x], rng)
    ones = torch.ones(x.shape)
    product = torch.einsum(subscripts, torch.from_numpy(x), torch.from_numpy(weights["scale"].copy()))
    offset = torch.einsum(subscripts, ones, torch.from_numpy(weights["bias"].copy())) if bias else torch.zeros(x.shape)
    # Two roundings a side, of the product and of the sum; the sum may cancel.
    bound = {"weights": weights, "roundings": 4, "magnitude": (product.abs() + offset.abs()).numpy()}
    check_layer(params, [x], (product + offset).numpy(), **bound)
    if num_axes == 1 and axis == 1:
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("axis", "shape", "subscripts"),
    [(0, (2, 3), "nchw,nc->nchw"), (1, (3, 4, 5), "nchw,chw->nchw"), (0, (2, 3, 4, 5), "nchw,nchw->nchw")],
)
def test_two_bottoms(rng, axis, shape, subscripts, bias):
    params = Scale(axis=axis, bias_term=bias)
    x, operand = normal(rng, 2, 3, 4, 5), normal(rng, *shape)
    weights = weights_for(params, [x, operand], rng)
    assert list(weights) == (["bias"] if bias else [])
    product = np.einsum(subscripts, x, operand)
    offset = np.einsum(subscripts, np.ones_like(x), weights["bias"]) if bias else np.zeros_like(x)
    magnitude = np.abs(product) + np.abs(offset)
    check_layer(params, [x, operand], product + offset, weights=weights, roundings=4, magnitude=magnitude)
    if not bias and axis == 0:
        check_layer(params, [x, operand], run_opencv(params, [x, operand]), roundings=2)


def test_scalar():
    params = Scale(num_axes=0, bias_term=True)
    assert params.weight_shapes([Blob((2, 3))]) == {"scale": (), "bias": ()}
    weights = {"scale": np.array(2, np.float32), "bias": np.array(1, np.float32)}
    (top,) = compute(params, [np.array([[1, 2, 3]], np.float32)], weights)
    assert top.tolist() == [[3, 5, 7]]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="second bottom"):
        Scale(axis=0).infer([Blob((2, 3, 4, 5)), Blob((3, 3))], 1)
    with pytest.raises(ShapeError, match="num_axes"):
        Scale(num_axes=4).infer([Blob((2, 3, 4, 5))], 1)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_channels_are_carried(rng, axis):
    check_carried(Scale(axis=axis, bias_term=True), [normal(rng, 2, 4, 3, 3)], rng)


def test_channels_are_carried_from_both_bottoms(rng):
    check_carried(Scale(axis=0), [normal(rng, 2, 4, 3, 3), normal(rng, 2, 4)], rng)
    check_carried(Scale(axis=0), [normal(rng, 2, 4, 3, 3), normal(rng)], rng)


def test_positions(rng):
    x = normal(rng, 2, 3, 7, 5)
    for fields in ({}, {"axis": 0}, {"axis": -3}, {"axis": 0, "num_axes": 2}, {"num_axes": 0}):
        check_positions(Scale(**fields), [x], rng)
    for fields in ({"axis": 2}, {"num_axes": 2}, {"axis": -1}, {"num_axes": -1}):
        check_needs_every_position(Scale(**fields), [Blob(x.shape)])
    # The second bottom is not an image: it cannot be asked for every second row.
    check_needs_every_position(Scale(), [Blob(x.shape), Blob((3,))])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("num_axes", [0, 1, -1])
def test_weight_channels(rng, axis, num_axes):
    check_weight_channels(Scale(axis=axis, num_axes=num_axes, bias_term=True), [normal(rng, 2, 4, 3, 3)], rng)


def test_weight_channels_with_two_bottoms(rng):
    """The bias lies along the second bottom's axes."""
    for operand in (normal(rng, 2, 4), normal(rng)):
        check_weight_channels(Scale(axis=0, bias_term=True), [normal(rng, 2, 4, 3, 3), operand], rng)
