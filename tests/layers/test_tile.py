"""Tile against PyTorch and ONNX Runtime over axes and counts."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, check_moves, check_needs_every_position, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.tile import Tile


@pytest.mark.parametrize("tiles", [1, 2, 5])
@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -3])
def test_reference(rng, axis, tiles):
    x = normal(rng, 2, 3, 4, 5)
    repeats = np.ones(4, np.int64)
    repeats[axis] = tiles
    params = Tile(axis=axis, tiles=tiles)
    check_layer(params, [x], torch.from_numpy(x).repeat(*repeats.tolist()).numpy(), roundings=0)
    check_layer(params, [x], run_onnx("Tile", [x, repeats]), roundings=0)


def test_the_axis_is_that_of_the_channels_by_default(rng):
    x = normal(rng, 2, 3)
    check_layer(Tile(tiles=2), [x], np.hstack([x, x]), roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(2, 3)], "tiles 0"),
        ({"tiles": -1}, [(2, 3)], "tiles -1"),
        ({"tiles": (1 << 31) - 1}, [(2, 3)], "elements"),
        ({"tiles": 2, "axis": 2}, [(2, 3)], "axis 2"),
        ({"tiles": 2, "axis": -3}, [(2, 3)], "axis -3"),
        ({"tiles": 2}, [(2,)], "axis 1"),
        ({"tiles": 2}, [], "0 bottoms"),
        ({"tiles": 2}, [(2, 3), (2, 3)], "2 bottoms"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Tile(**fields).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("axis", range(4))
def test_values_are_moved_only(rng, axis):
    check_moves(Tile(axis=axis, tiles=3), [normal(rng, 2, 3, 4, 5)])


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -3])
def test_channels_are_carried(rng, axis):
    check_carried(Tile(axis=axis, tiles=3), [normal(rng, 2, 4, 3, 3)], rng)


def test_each_channel_is_carried_as_often_as_it_is_repeated():
    assert Tile(tiles=2).channel_map(0, [Blob((1, 3, 2, 2))]).tolist() == [0, 1, 2, 0, 1, 2]
    assert Tile(tiles=2).channel_rule_for([Blob((3,))]) is ChannelRule.FIXED


def test_positions_are_not_kept():
    for axis in (1, 2):
        check_needs_every_position(Tile(axis=axis, tiles=2), [Blob((2, 3, 4, 5))])
