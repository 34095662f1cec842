"""Crop against slicing in PyTorch, ONNX Runtime and OpenCV over axes and offsets."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    blobs,
    check_carried,
    check_layer,
    check_moves,
    check_needs_every_position,
    normal,
    run_onnx,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.crop import Crop

#: axis, offset, the second bottom's shape beside a (2, 6, 7, 9) one, where the part begins
CASES = [
    (2, (), (1, 1, 4, 5), (0, 0, 0, 0)),
    (2, (2,), (1, 1, 4, 5), (0, 0, 2, 2)),
    (2, (3, 1), (2, 6, 4, 5), (0, 0, 3, 1)),
    (2, (0, 4), (2, 6, 7, 5), (0, 0, 0, 4)),
    (2, (), (2, 6, 7, 9), (0, 0, 0, 0)),
    (3, (8,), (3, 2, 1, 1), (0, 0, 0, 8)),
    (-2, (1, 2), (1, 1, 6, 7), (0, 0, 1, 2)),
    (1, (1,), (5, 3, 2, 2), (0, 1, 1, 1)),
    (1, (3, 2, 1), (1, 3, 5, 8), (0, 3, 2, 1)),
    (0, (1, 3, 2, 1), (1, 3, 5, 8), (1, 3, 2, 1)),
]


@pytest.mark.parametrize(("axis", "offset", "wanted", "begins"), CASES)
def test_reference(rng, axis, offset, wanted, begins):
    x, size = normal(rng, 2, 6, 7, 9), normal(rng, *wanted)
    params = Crop(axis=axis, offset=offset)
    extents = (*x.shape[: axis % 4], *wanted[axis % 4 :])
    expected = torch.from_numpy(x)
    for i in range(4):
        expected = expected.narrow(i, begins[i], extents[i])
    check_layer(params, [x, size], expected.numpy(), roundings=0)
    bounds = [np.array(begins, np.int64), np.add(begins, extents)]
    check_layer(params, [x, size], run_onnx("Slice", [x, *bounds]), roundings=0)
    check_layer(params, [x, size], run_opencv(params, [x, size]), roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(2, 3, 4, 5)], "1 bottoms"),
        ({}, [(2, 3, 4, 5)] * 3, "3 bottoms"),
        ({}, [(2, 3, 4, 5), (2, 3, 4)], "as many axes"),
        ({"axis": 4}, [(2, 3, 4, 5)] * 2, "axis 4"),
        ({"axis": -5}, [(2, 3, 4, 5)] * 2, "axis -5"),
        ({}, [(2, 3)] * 2, "axis 2"),
        ({"offset": (1, 1, 1)}, [(2, 3, 4, 5), (1, 1, 1, 1)], "3 offsets for the 2 axes"),
        ({"axis": 1, "offset": (1, 1)}, [(2, 3, 4, 5), (1, 1, 1, 1)], "2 offsets for the 3 axes"),
        ({}, [(2, 3, 4, 5), (2, 3, 5, 5)], "5 elements from 0 on along axis 2"),
        ({"offset": (0, 2)}, [(2, 3, 4, 5), (2, 3, 4, 4)], "4 elements from 2 on along axis 3"),
        ({"offset": (1 << 31,)}, [(2, 3, 4, 5), (2, 3, 1, 1)], "from 2147483648 on"),
        ({"offset": (-1,)}, [(2, 3, 4, 5), (2, 3, 1, 1)], "from -1 on"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Crop(**fields).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize(("axis", "offset", "wanted", "begins"), CASES)
def test_values_are_moved_only(rng, axis, offset, wanted, begins):
    check_moves(Crop(axis=axis, offset=offset), [normal(rng, 2, 6, 7, 9), normal(rng, *wanted)])


@pytest.mark.parametrize("axis", [2, 3, -1])
def test_channels_are_carried_from_the_first_bottom(rng, axis):
    check_carried(Crop(axis=axis, offset=(1,)), [normal(rng, 2, 4, 5, 6), normal(rng, 2, 3, 4, 4)], rng)


@pytest.mark.parametrize("axis", [0, 1, -3])
def test_where_channels_are_cut_they_are_fixed(rng, axis):
    """The second bottom says how many are left: none may be removed there alone."""
    assert Crop(axis=axis).channel_rule_for([Blob((2, 4, 5, 6)), Blob((2, 3, 4, 4))]) is ChannelRule.FIXED


def test_without_a_channel_axis():
    assert Crop(axis=0).channel_rule_for([Blob((4,)), Blob((3,))]) is ChannelRule.FIXED


def test_positions_are_not_kept(rng):
    check_needs_every_position(Crop(), blobs([normal(rng, 2, 4, 5, 6), normal(rng, 2, 3, 4, 4)]))


@pytest.mark.parametrize(
    ("wanted", "begins"),
    [((1, 1, 4, 5), (1, 2)), ((1, 1, 3, 4), (2, 2)), ((2, 6, 7, 9), (0, 0)), ((2, 6, 6, 8), (0, 0))],
)
def test_the_middle(rng, wanted, begins):
    x, (row, column), params = normal(rng, 2, 6, 7, 9), begins, Crop(centred=True)
    expected = x[:, :, row : row + wanted[2], column : column + wanted[3]]
    check_layer(params, [x, normal(rng, *wanted)], expected, roundings=0)
    check_moves(params, [x, normal(rng, *wanted)])


def test_the_middle_has_no_offset_and_lies_within():
    with pytest.raises(ShapeError, match="together with centred"):
        Crop(centred=True, offset=(1,)).infer([Blob((1, 1, 5, 5)), Blob((1, 1, 3, 3))], 1)
    with pytest.raises(ShapeError, match="elements from"):
        Crop(centred=True).infer([Blob((1, 1, 5, 5)), Blob((1, 1, 7, 7))], 1)
