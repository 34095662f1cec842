"""Where positions lie, and what they are made of, by hand."""

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.frontend.onnx.read.resample import Axis, Filter


def test_places():
    half = Axis(4, 2, 0.5)
    assert half.at("half_pixel").tolist() == [0.5, 2.5]
    assert half.at("asymmetric").tolist() == [0, 2]
    assert half.at("align_corners").tolist() == [0, 3]
    assert Axis(4, 1, 0.25).at("align_corners").tolist() == [0]
    assert Axis(4, 1, 0.25).at("half_pixel").tolist() == [1.5]
    assert Axis(4, 1, 0.25).at("pytorch_half_pixel").tolist() == [0]


def test_places_of_a_region():
    """The last position is 1; what lies behind it is outside."""
    crop = Axis(5, 3, 0.6, region=(0.5, 1.5))
    assert crop.at("tf_crop_and_resize").tolist() == [2, 4, 6]
    assert crop.outside("tf_crop_and_resize").tolist() == [False, False, True]
    assert Axis(5, 1, 0.2, region=(0.25, 0.75)).at("tf_crop_and_resize").tolist() == [2]


def test_the_middle_stays_in_the_middle():
    """Of 2.5 positions two are left, and symmetric to the middle at 2."""
    assert Axis(5, 2, 0.5).at("half_pixel_symmetric").tolist() == [1, 3]
    assert Axis(5, 2, 0.5).at("half_pixel").tolist() == [0.5, 2.5]


@pytest.mark.parametrize(
    ("rounding", "wanted"),
    [
        ("floor", [0, 0, 1, 1]),
        ("ceil", [0, 1, 1, 1]),
        ("round_prefer_floor", [0, 0, 1, 1]),
        ("round_prefer_ceil", [0, 1, 1, 1]),
    ],
)
def test_the_nearest(rounding, wanted):
    """Of places 0, 0.5, 1 and 1.5, of which the last is behind the last position."""
    assert Axis(2, 4, 2.0).nearest("asymmetric", rounding).tolist() == wanted


def test_linear_weights():
    assert Filter().weights(Axis(2, 4, 2.0), "half_pixel").tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]


def test_wider_weights_where_there_are_fewer_positions():
    """At 0.5, positions are 0.5 and 1.5 away, of 2: 3/8, 3/8 and 1/8, and the 1/8 before the first falls on it."""
    found = Filter(antialias=True).weights(Axis(4, 2, 0.5), "half_pixel")
    np.testing.assert_allclose(found, [[4 / 8, 3 / 8, 1 / 8, 0], [0, 1 / 8, 3 / 8, 4 / 8]])
    alone = Filter(antialias=True, exclude_outside=True).weights(Axis(4, 2, 0.5), "half_pixel")
    np.testing.assert_allclose(alone[0], [3 / 7, 3 / 7, 1 / 7, 0], rtol=1e-6)


def test_cubic_weights():
    """Keys' filter at distances 1.5 and 0.5, with a = -0.5: -1/16 and 9/16."""
    found = Filter(cubic=-0.5).weights(Axis(4, 2, 0.5), "half_pixel")
    np.testing.assert_allclose(found, [[8 / 16, 9 / 16, -1 / 16, 0], [0, -1 / 16, 9 / 16, 8 / 16]])


def test_too_many_weights():
    with pytest.raises(ShapeError, match="too large"):
        Filter().weights(Axis(1 << 15, 1 << 15, 1.0), "half_pixel")


def test_a_filter_that_is_too_wide():
    axis = Axis(1 << 20, 4, 4 / (1 << 20))
    with pytest.raises(ShapeError, match="each would be of too many"):
        Filter(antialias=True).weights(axis, "half_pixel")
