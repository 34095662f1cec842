"""How a smaller operand lies along the axes of its bottom, checked against Caffe's own table of allowed shapes."""

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.bias import Bias
from xdn.layers.broadcast import (
    along_channels,
    operand_shape,
    spread,
)

BOTTOM = Blob((2, 3, 4, 6))

#: From the comment on ScaleParameter in Caffe's caffe.proto: axis -> the shapes that an operand may have.
ALLOWED = {0: [(2,), (2, 3), (2, 3, 4), (2, 3, 4, 6)], 1: [(3,), (3, 4), (3, 4, 6)], 2: [(4,), (4, 6)], 3: [(6,)]}


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("negative", [False, True])
def test_allowed_shapes(axis, negative):
    written = axis - 4 if negative else axis
    for shape in ALLOWED[axis]:
        assert operand_shape([BOTTOM, Blob(shape)], written, 99) == shape
        assert operand_shape([BOTTOM], written, len(shape)) == shape
    assert operand_shape([BOTTOM], written, -1) == ALLOWED[axis][-1]


@pytest.mark.parametrize("axis", [0, 1, 9])
def test_a_scalar_fits_everywhere(axis):
    assert operand_shape([BOTTOM, Blob(())], axis, 1) == ()
    assert operand_shape([BOTTOM], axis, 0) == ()


@pytest.mark.parametrize(
    ("bottoms", "axis", "num_axes"),
    [
        ([BOTTOM, Blob((4,))], 1, 1),
        ([BOTTOM, Blob((3, 4, 6, 1))], 1, 1),
        ([BOTTOM, Blob((3,))], 4, 1),
        ([BOTTOM], 1, 4),
        ([BOTTOM], 1, -2),
        ([BOTTOM], -5, 1),
        ([], 1, 1),
        ([BOTTOM] * 3, 0, 1),
    ],
)
def test_what_does_not_fit_is_refused(bottoms, axis, num_axes):
    with pytest.raises(ShapeError):
        operand_shape(bottoms, axis, num_axes)


@pytest.mark.parametrize("axis", range(-4, 4))
@pytest.mark.parametrize("num_axes", [-1, 0, 1, 2])
def test_only_axis_1_is_along_the_channels_whatever_extents_agree(axis, num_axes):
    cube = Blob((3, 3, 3, 3))
    covers = range(axis % 4, 4 if num_axes == -1 else axis % 4 + num_axes)
    if covers.stop <= 4:
        assert along_channels([cube], axis, num_axes) == (list(covers) == [1])
    assert not along_channels([cube, Blob((3,))], axis, 1)
    assert not along_channels([Blob((3,))], 0, 1)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2])
def test_spread_lines_up_with_its_axis(axis):
    for shape in ALLOWED[axis % 4]:
        operand = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        got = np.broadcast_to(spread(operand, axis, 4), BOTTOM.shape)
        start = axis % 4
        for index in np.ndindex(BOTTOM.shape):
            assert got[index] == operand[index[start : start + len(shape)]]


def test_spread_of_a_scalar():
    assert (
        np.broadcast_to(spread(np.float32(5).reshape(()), 1, 3), (2, 3, 4)).tolist() == np.full((2, 3, 4), 5).tolist()
    )


def test_channels_of_the_operand():
    assert Bias(axis=2).channel_rule_for([BOTTOM]) is ChannelRule.CARRIED
    assert Bias(axis=0).channel_rule_for([BOTTOM, Blob((2, 3))]) is ChannelRule.CARRIED
    assert Bias(axis=1).channel_rule_for([BOTTOM, Blob(())]) is ChannelRule.CARRIED
    # The operand's axis 1 is not the channels here: removing one would remove the wrong thing.
    assert Bias(axis=1).channel_rule_for([BOTTOM, Blob((3, 4))]) is ChannelRule.FIXED
    assert Bias(axis=0).channel_rule_for([BOTTOM, Blob((2,))]) is ChannelRule.FIXED
    assert Bias(axis=0).channel_rule_for([Blob((2,))]) is ChannelRule.FIXED
    assert Bias().channel_map(1, [BOTTOM, Blob((2, 3))]).tolist() == [0, 1, 2]
    assert Bias().channel_map(1, [BOTTOM, Blob(())]).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_axes_of_the_operand(axis):
    for shape in ALLOWED[axis]:
        along = Bias(axis=axis, num_axes=len(shape)).weight_channels([BOTTOM])["bias"]
        # The channels are the bottom's axis 1, wherever that is in the operand.
        assert [found is not None for found in along] == [axis + i == 1 for i in range(len(shape))]
        assert all(found is None or found.channels.tolist() == [0, 1, 2] for found in along)
    assert Bias(axis=axis, num_axes=0).weight_channels([BOTTOM]) == {"bias": ()}


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_an_operand_with_positions(axis):
    for shape in ALLOWED[axis]:
        for written in (axis, axis - 4):
            layer = Bias(axis=written, num_axes=len(shape))
            assert layer.keeps_positions([BOTTOM]) == (axis + len(shape) <= 2)
    assert Bias(axis=axis, num_axes=0).keeps_positions([BOTTOM])
    assert not Bias(axis=axis).keeps_positions([BOTTOM, Blob(())])
