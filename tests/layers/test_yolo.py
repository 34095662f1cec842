"""What YOLO's outputs share: where boxes are, which are suppressed, what is said where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from tests.layers.oracles import normal
from tests.layers.yolos import V2, V3, found_by
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.yolo import sigmoid

BOTH = pytest.mark.parametrize("params", [V2, V3], ids=["v2", "v3"])
#: One box of one class, as large as the image of one cell.
ONE = replace(V2, num_classes=1, num_box=1, biases=(1.0, 1.0), confidence_threshold=0.0)


def test_sigmoid_of_large_numbers():
    x = np.array([-np.inf, -1000, 0, 1000, np.inf], np.float32)
    np.testing.assert_array_equal(sigmoid(x), [0, 0, 0.5, 1, 1])


def test_corners_are_fractions_of_the_image():
    x, y = np.full((1, 2, 4), 0.5), np.full((1, 2, 4), 0.25)
    none = np.zeros((1, 2, 4))
    corners = ONE.corners(x, y, (none, none + np.log(2)), np.array([[0.25, 0.5]]))
    assert corners.dtype == np.float32
    np.testing.assert_allclose(corners[0, 1, 2], [0.5, 0.125, 0.75, 1.125], rtol=1e-6)


@BOTH
def test_nothing_found(params):
    bottoms = [np.full((2, 16, 3, 2), -20, np.float32), np.full((2, 16, 6, 4), -20, np.float32)]
    np.testing.assert_array_equal(found_by(params, bottoms), [[[[0] + [-1] * 6, [1] + [-1] * 6]]])


@BOTH
def test_an_image_finds_the_same_in_any_batch(rng, params):
    bottoms = [normal(rng, 3, 16, 3, 2), normal(rng, 3, 16, 6, 4)]
    together = found_by(params, bottoms)[0, 0]
    for image in range(3):
        alone = found_by(params, [bottom[image : image + 1] for bottom in bottoms])[0, 0]
        np.testing.assert_array_equal(together[together[:, 0] == image, 1:], alone[:, 1:])


def test_a_box_goes_where_it_overlaps_a_better_one_of_another_class():
    params = replace(V3, num_classes=2, num_box=1, mask=(0,), mask_group_num=1, anchors_scale=(8,))
    x = np.array([0, 0, 0, 0, 4, 2, 3], np.float32).reshape(1, 7, 1, 1)
    found = found_by(params, [x])
    assert found.shape == (1, 1, 1, 7)
    assert found[0, 0, 0, 1] == 2


@pytest.mark.parametrize(("threshold", "count"), [(0.5, 1), (0.51, 2)])
def test_an_overlap_as_large_as_the_threshold_is_too_large(threshold, count):
    """Two boxes around one middle, one half as wide as the other."""
    params = replace(ONE, num_box=2, biases=(1.0, 1.0, 0.5, 1.0), nms_threshold=threshold)
    x = np.array([[0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 2, 0]], np.float32).reshape(1, 12, 1, 1)
    found = found_by(params, [x])
    assert found.shape[2] == count
    np.testing.assert_array_equal(found[0, 0, 0, 3:], [0.25, 0, 0.75, 1])


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 15, 3, 3)], "16 channels"),
        ({}, [(1, 16, 3, 3), (2, 16, 3, 3)], "as many images"),
        ({}, [(1, 16, 3)], r"maps \(N"),
        ({}, [], r"maps \(N"),
        ({"num_classes": 0}, [(1, 16, 3, 3)], "num_classes 0"),
        ({"num_box": 0}, [(1, 16, 3, 3)], "num_box 0"),
        ({"nms_threshold": float("nan")}, [(1, 16, 3, 3)], "nms_threshold nan"),
    ],
)
@BOTH
def test_what_does_not_fit_is_refused(params, fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        replace(params, **fields).infer([Blob(shape) for shape in shapes], 1)
