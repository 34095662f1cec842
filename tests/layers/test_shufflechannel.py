"""ShuffleChannel against PyTorch and OpenCV over groups."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import blobs, check_carried, check_layer, check_moves, check_positions, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.shufflechannel import ShuffleChannel


@pytest.mark.parametrize("group", [1, 2, 3, 4, 6, 12])
def test_reference(rng, group):
    x = normal(rng, 2, 12, 4, 5)
    params = ShuffleChannel(group=group)
    expected = torch.nn.functional.channel_shuffle(torch.from_numpy(x), group)
    check_layer(params, [x], expected.numpy(), roundings=0)
    # OpenCV has no message of ShuffleChannel, but takes a group from wherever it stands.
    check_layer(params, [x], run_opencv(params, [x], other={("convolution_param", "group"): group}), roundings=0)


@pytest.mark.parametrize("group", [2, 3])
def test_two_axes_are_enough(rng, group):
    x = normal(rng, 2, 6)
    columns = x.reshape(2, group, 6 // group)
    expected = run_onnx("Transpose", [columns], perm=(0, 2, 1)).reshape(2, 6)
    check_layer(ShuffleChannel(group=group), [x], expected, roundings=0)


def test_the_other_group_puts_them_back(rng):
    x = normal(rng, 2, 12, 3, 3)
    (shuffled,) = ShuffleChannel(group=3).reference([x], {}, 1)
    check_layer(ShuffleChannel(group=4), [shuffled], x, roundings=0)


@pytest.mark.parametrize(
    ("group", "shapes", "message"),
    [
        (0, [(1, 6)], "group 0"),
        (-2, [(1, 6)], "group -2"),
        (4, [(1, 6)], "6 channels do not divide by group 4"),
        (1 << 31, [(1, 6)], "group 2147483648"),
        (1, [(6,)], "axis 1"),
        (1, [], "0 bottoms"),
        (1, [(1, 6), (1, 6)], "2 bottoms"),
    ],
)
def test_what_does_not_fit_is_refused(group, shapes, message):
    with pytest.raises(ShapeError, match=message):
        ShuffleChannel(group=group).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("group", [1, 2, 6])
def test_values_are_moved_only(rng, group):
    check_moves(ShuffleChannel(group=group), [normal(rng, 2, 6, 4, 5)])


@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_channels_are_carried(rng, group):
    check_carried(ShuffleChannel(group=group), [normal(rng, 2, 6, 3, 3)], rng)


@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_channels_at_one_place_of_all_groups_go_together(rng, group):
    """What the layer makes of the others is what it made of them before; of fewer groups' it would not be."""
    x, params = normal(rng, 2, 12, 3), ShuffleChannel(group=group)
    shapes = blobs([x])
    gone = params.bound_channels(shapes) == 1
    (top,) = params.reference([x], {}, 1)
    narrower = params.carrying([int((~gone).sum())], shapes)
    found = narrower.reference([x[:, ~gone]], {}, 1)[0]
    np.testing.assert_array_equal(found, top[:, ~gone[params.channel_map(0, shapes)]])


def test_positions(rng):
    check_positions(ShuffleChannel(group=3), [normal(rng, 2, 6, 5, 7)], rng)
