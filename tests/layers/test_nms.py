"""Nms by hand."""

import numpy as np
import pytest

from tests.layers.oracles import compute
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.nms import Nms

MAPS = np.array(
    [
        [[0.9, 0.1, 0.3], [0.2, 0.1, 0.3], [0.1, 0.5, 0.4]],  # two equal neighbours are no peak
        [[-1, -2, -3], [-4, -5, -6], [-7, -8, -9]],
    ],
    np.float32,
)


def test_peaks():
    (top,) = compute(Nms(threshold=0.2, num_peak=3), [MAPS[:, None]])
    expected = np.zeros((2, 1, 4, 3), np.float32)
    expected[0, 0, :3] = [[2, 0, 0], [0, 0, 0.9], [1, 2, 0.5]]
    np.testing.assert_array_equal(top, expected)


def test_those_past_the_last_are_counted():
    (top,) = compute(Nms(threshold=0.2, num_peak=1), [MAPS[:1, None]])
    np.testing.assert_array_equal(top[0, 0], np.array([[2, 0, 0], [0, 0, 0.9]], np.float32))


def test_the_first_maps_of_all_channels():
    params = Nms(threshold=0.2, num_peak=1)
    (top,) = compute(params, [MAPS[None]])
    assert top.shape == (1, 1, 2, 3)
    assert params.joins_images([Blob((1, 2, 3, 3))])
    with pytest.raises(ShapeError, match="num_peak 0"):
        Nms().infer([Blob((1, 1, 3, 3))], 1)
