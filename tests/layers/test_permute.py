"""Permute against PyTorch, ONNX Runtime and OpenCV over all orders."""

import itertools

import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    check_carried,
    check_fixed,
    check_layer,
    check_moves,
    check_needs_every_position,
    normal,
    run_onnx,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.permute import Permute

ORDERS = list(itertools.permutations(range(4)))


@pytest.mark.parametrize("order", ORDERS)
def test_reference(rng, order):
    x = normal(rng, 2, 3, 4, 5)
    params = Permute(order=order)
    check_layer(params, [x], torch.from_numpy(x).permute(order).numpy(), roundings=0)
    check_layer(params, [x], run_onnx("Transpose", [x], perm=order), roundings=0)
    check_layer(params, [x], run_opencv(params, [x]), roundings=0)


@pytest.mark.parametrize(
    ("order", "whole"), [((), (0, 1, 2, 3)), ((1,), (1, 0, 2, 3)), ((3, 0), (3, 0, 1, 2)), ((0, 2), (0, 2, 1, 3))]
)
def test_axes_that_are_left_out_follow(rng, order, whole):
    x = normal(rng, 2, 3, 4, 5)
    check_layer(Permute(order=order), [x], x.transpose(whole), roundings=0)


@pytest.mark.parametrize("axes", [1, 2, 3, 5])
def test_any_number_of_axes(rng, axes):
    x = normal(rng, *range(2, 2 + axes))
    order = tuple(reversed(range(axes)))
    check_layer(Permute(order=order), [x], x.transpose(order), roundings=0)


@pytest.mark.parametrize(
    ("order", "shapes", "message"),
    [
        ((0, 2, 2, 1), [(1, 2, 3, 4)], "once at most"),
        ((0, 4), [(1, 2, 3, 4)], "order"),
        ((1 << 31,), [(1, 2, 3, 4)], "order"),
        ((-1,), [(1, 2, 3, 4)], "order"),
        ((0,), [()], "order"),
        ((0, 1), [], "0 bottoms"),
        ((0, 1), [(1, 2), (1, 2)], "2 bottoms"),
    ],
)
def test_what_does_not_fit_is_refused(order, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Permute(order=order).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("order", [*ORDERS, (2,)])
def test_values_are_moved_only(rng, order):
    check_moves(Permute(order=order), [normal(rng, 2, 3, 4, 5)])


def test_channels_are_fixed(rng):
    check_fixed(Permute(order=(0, 2, 3, 1)), [normal(rng, 2, 3, 4, 5)], rng)
    check_fixed(Permute(order=(1, 0, 2, 3)), [normal(rng, 3, 3, 4, 5)], rng)
    assert "another axis" in Permute(order=(0, 2, 3, 1)).why_fixed([Blob((2, 3, 4, 5))])


@pytest.mark.parametrize("order", [(0, 1, 3, 2), (), (0,), (0, 1)])
def test_channels_that_stay_in_place_are_carried(rng, order):
    check_carried(Permute(order=order), [normal(rng, 2, 3, 4, 5)], rng)


def test_positions_are_mixed():
    check_needs_every_position(Permute(order=(0, 2, 3, 1)), [Blob((2, 3, 4, 5))])
