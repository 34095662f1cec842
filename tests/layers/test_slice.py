"""Slice against PyTorch, ONNX Runtime and OpenCV over axes, slice points and its old field."""

import itertools

import numpy as np
import pytest

from tests.layers.opencv import run_opencv_tops
from tests.layers.oracles import (
    blobs,
    check_carried,
    check_layer,
    check_moves,
    check_positions,
    normal,
    run_onnx,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.slice import Slice

#: axis, slice points, extents of the parts of a (2, 6, 4, 5) bottom
CASES = [
    (1, (), (6,)),
    (1, (), (3, 3)),
    (1, (), (1,) * 6),
    (0, (), (1, 1)),
    (2, (1,), (1, 3)),
    (3, (1, 4), (1, 3, 1)),
    (-3, (1, 2, 5), (1, 1, 3, 1)),
    (-1, (), (1,) * 5),
]


@pytest.mark.parametrize(("axis", "points", "extents"), CASES)
def test_reference(rng, axis, points, extents):
    x = normal(rng, 2, 6, 4, 5)
    params = Slice(axis=axis, slice_point=points)
    expected = [part.numpy() for part in torch.split(torch.from_numpy(x), extents, axis)]
    check_layer(params, [x], expected, roundings=0)
    ends = np.cumsum([0, *extents])
    places = [[np.array([place], np.int64) for place in (*part, axis)] for part in itertools.pairwise(ends)]
    check_layer(params, [x], [run_onnx("Slice", [x, *each]) for each in places], roundings=0)
    if points:  # without them OpenCV wants a number of parts, which Caffe's message does not have
        check_layer(params, [x], run_opencv_tops(params, [x], n_tops=len(extents)), roundings=0)


def test_slice_dim_is_the_old_name(rng):
    x = normal(rng, 2, 3, 6)
    check_layer(Slice(slice_dim=2), [x], Slice(axis=2).reference([x], {}, 3), roundings=0)
    check_layer(Slice(slice_dim=0), [x], Slice(axis=0).reference([x], {}, 2), roundings=0)
    check_layer(Slice(axis=2, slice_dim=2), [x], Slice(axis=2).reference([x], {}, 2), roundings=0)


def test_what_concat_joins(rng):
    parts = [normal(rng, 2, c, 3) for c in (4, 1, 2)]
    check_layer(Slice(slice_point=(4, 5)), [np.concatenate(parts, axis=1)], parts, roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "n_tops", "message"),
    [
        ({}, [], 1, "0 bottoms"),
        ({}, [(2, 6), (2, 6)], 2, "2 bottoms"),
        ({}, [(2, 6)], 0, "0 tops"),
        ({}, [(2, 6)], 4, "6 along axis 1 do not divide into 4"),
        ({}, [(2, 6)], 7, "divide"),
        ({"slice_dim": 0}, [(3, 6)], 2, "3 along axis 0"),
        ({"slice_point": (2,)}, [(2, 6)], 1, "1 slice_point for 1 tops"),
        ({"slice_point": (2,)}, [(2, 6)], 3, "1 slice_point for 3 tops"),
        ({"slice_point": (2, 2)}, [(2, 6)], 3, "ascending"),
        ({"slice_point": (4, 2)}, [(2, 6)], 3, "ascending"),
        ({"slice_point": (0,)}, [(2, 6)], 2, "ascending"),
        ({"slice_point": (6,)}, [(2, 6)], 2, "ascending"),
        ({"axis": 2}, [(2, 6)], 2, "axis 2"),
        ({"axis": -3}, [(2, 6)], 2, "axis -3"),
        ({"slice_dim": 2}, [(2, 6)], 2, "axis 2"),
        ({"axis": 0, "slice_dim": 1}, [(2, 6)], 2, "both"),
        ({}, [()], 1, "axis 1"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        Slice(**fields).infer([Blob(shape) for shape in shapes], n_tops)


@pytest.mark.parametrize(("axis", "points", "extents"), CASES)
def test_values_are_moved_only(rng, axis, points, extents):
    check_moves(Slice(axis=axis, slice_point=points), [normal(rng, 2, 6, 4, 5)], len(extents))


@pytest.mark.parametrize("fields", [{}, {"slice_point": (1, 2)}, {"slice_dim": 1}, {"axis": 0}, {"axis": -3}])
def test_positions(rng, fields):
    check_positions(Slice(**fields), [normal(rng, 3, 6, 5, 7)], rng, n_tops=3)


def test_along_height_or_width_positions_do_not_stay(rng):
    for params in (Slice(axis=2), Slice(axis=-1), Slice(slice_dim=3)):
        assert not params.keeps_positions([Blob((2, 3, 4, 4))])


@pytest.mark.parametrize(("axis", "points", "extents"), CASES)
def test_channels_are_carried(rng, axis, points, extents):
    params = Slice(axis=axis, slice_point=points)
    if params.along(Blob((2, 6, 4, 5))) != 0:  # images that are cut in parts have their channels all the same
        check_carried(params, [normal(rng, 2, 6, 4, 5)], rng, n_tops=len(extents))


@pytest.mark.parametrize("fields", [{}, {"slice_point": (3,)}, {"slice_dim": 1}, {"axis": -3}])
@pytest.mark.parametrize("gone", [[0], [0, 1, 3], [2, 5], [4]])
def test_what_is_left_is_cut_where_its_parts_meet(rng, fields, gone):
    x = normal(rng, 2, 6, 3, 2)
    params = Slice(**fields)
    parts = params.reference([x], {}, 2)
    kept = [
        np.delete(part, [c - start for c in gone if start <= c < start + 3], 1)
        for part, start in zip(parts, (0, 3), strict=True)
    ]
    narrower = params.carrying([part.shape[1] for part in kept], blobs([x]))
    for found, expected in zip(narrower.reference([np.delete(x, gone, 1)], {}, 2), kept, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_equal_parts_stay_equal_without_points():
    shapes = [Blob((1, 6, 3))]
    assert Slice().carrying([2, 2], shapes) == Slice()
    assert Slice().carrying([2, 1], shapes) == Slice(slice_point=(2,))
    assert Slice(slice_point=(2,)).carrying([1, 1], shapes) == Slice(slice_point=(1,))
    assert Slice(axis=2).carrying([4, 4, 4], shapes) == Slice(axis=2)
