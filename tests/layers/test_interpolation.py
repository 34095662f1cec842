"""Where the places of one size lie between those of another."""

import numpy as np
import pytest

from tests.layers.memory import check_reference_bytes
from xdn.layers.accum import Accum
from xdn.layers.deephiresize import DeephiResize
from xdn.layers.imresize import ImResize
from xdn.layers.interp import Interp
from xdn.layers.interpolation import aligned_corners, centred_corners, interpolated, sampled
from xdn.layers.resample import Resample
from xdn.layers.resize import Resize


def _lists(corners):
    return [part.tolist() for part in (corners.before, corners.after, corners.share)]


def test_aligned_corners():
    assert _lists(aligned_corners(3, 5)) == [[0, 0, 1, 1, 2], [1, 1, 2, 2, 2], [0, 0.5, 0, 0.5, 0]]
    assert _lists(aligned_corners(7, 1)) == [[0], [1], [0]]
    assert _lists(aligned_corners(1, 3)) == [[0] * 3] * 3


def test_centred_corners():
    assert _lists(centred_corners(2, 4)) == [[0, 0, 0, 1], [1, 1, 1, 1], [0, 0.25, 0.75, 0]]
    assert _lists(centred_corners(4, 2)) == [[0, 2], [1, 3], [0.5, 0.5]]
    assert _lists(centred_corners(1, 3)) == [[0] * 3] * 3


@pytest.mark.parametrize("corners", [aligned_corners, centred_corners])
def test_all_lie_within(corners):
    for size in range(1, 60):
        for wanted in (1, 2, 3, 7, 41, 97):
            found = corners(size, wanted)
            assert 0 <= found.before.min() <= found.after.max() < size
            assert set(found.after - found.before) <= {0, 1}
            assert 0 <= found.share.min() <= found.share.max() < 1
            assert found.share.dtype == np.float32


def test_shifted_corners_skip_places():
    assert _lists(aligned_corners(2, 3, 4)) == [[4, 4, 5], [5, 5, 5], [0, 0.5, 0]]


def test_rows_then_columns():
    image = np.array([[0, 2], [4, 10]], np.float32).reshape(1, 1, 2, 2)
    result = interpolated(image, (aligned_corners(2, 3), aligned_corners(2, 3)))
    np.testing.assert_array_equal(result[0, 0], [[0, 1, 2], [2, 4, 6], [4, 7, 10]])


def test_places_are_sampled():
    image = np.array([[0, 4], [8, 12]], np.float32).reshape(1, 1, 2, 2)
    y, x = np.array([[0, 0.5, 1, 1.5, 9]], np.float32), np.array([[0, 0.5, 0.25, 0, 0]], np.float32)
    assert sampled(image, y, x)[0, 0].tolist() == [0, 6, 9, 8, 8]
    assert sampled(image, y, x, beyond=True)[0, 0].tolist() == [0, 6, 9, 4, 0]


@pytest.mark.parametrize(
    "params",
    [
        Interp(height=300, width=2),
        Resize(height=300, width=2),
        DeephiResize(resize_type="BILINEAR", new_height=300, new_width=2),
        Resample(height=300, width=2),
        ImResize(target_spatial_height=300, target_spatial_width=2),
    ],
    ids=lambda params: params.type,
)
def test_images_between_rows_and_columns_count_as_memory(params):
    """Few rows become many, and then many columns few: what is between is larger than both."""
    check_reference_bytes(params, (1, 2, 2, 300))


def test_so_they_do_of_each_blob_of_several():
    check_reference_bytes(Accum(have_reference=True), (1, 2, 2, 300), (1, 1, 300, 2))
