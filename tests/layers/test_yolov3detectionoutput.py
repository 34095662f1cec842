"""Yolov3DetectionOutput against plain loops over cells, boxes and classes."""

from dataclasses import replace

import numpy as np
import pytest

from tests.layers.oracles import normal
from tests.layers.yolos import CLASSES, V3, found_by, logistic, naive
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.yolov3detectionoutput import Yolov3DetectionOutput

ONE = Yolov3DetectionOutput(
    num_classes=2, num_box=1, biases=(8.0, 8.0), mask=(0,), mask_group_num=1, anchors_scale=(8,), nms_threshold=2.0
)


def likely(values):
    """Return the score and number of each class that counts."""
    scores = [logistic(values[4]) * logistic(value) for value in values[5:]]
    return [(score, label) for label, score in enumerate(scores) if score > V3.confidence_threshold]


def in_pixels(number, box, h, w):
    """Return a box's anchors, which are in pixels of an image that is as many times as large as the map."""
    which, scale = V3.mask[number * V3.num_box + box], V3.anchors_scale[number]
    return V3.biases[2 * which] / (w * scale), V3.biases[2 * which + 1] / (h * scale)


def test_reference(rng):
    bottoms = [normal(rng, 2, 16, 3, 2), normal(rng, 2, 16, 6, 4)]
    found, expected = found_by(V3, bottoms), naive(V3, bottoms, likely, in_pixels)
    assert found.shape == expected.shape
    assert 0 < found.shape[2] < 2 * (6 + 24) * 2 * CLASSES
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_box_counts_once_for_each_class():
    """An overlap of 2 is none's, so that nothing is suppressed."""
    x = np.array([0, 0, 0, 0, 4, 2, 3], np.float32).reshape(1, 7, 1, 1)
    found = found_by(ONE, [x])
    np.testing.assert_array_equal(found[0, 0, :, 1], [2, 1])
    np.testing.assert_array_equal(found[0, 0, :, 3:], [[0, 0, 1, 1]] * 2)
    assert ONE.infer([Blob(x.shape)], 1) == (Blob((1, 1, 2, 7)),)


def test_a_score_at_the_threshold_does_not_count():
    x = np.zeros((1, 7, 1, 1), np.float32)
    assert found_by(replace(ONE, confidence_threshold=0.25), [x])[0, 0, 0, 1] == -1
    assert found_by(replace(ONE, confidence_threshold=0.24), [x])[0, 0, 0, 2] == 0.25


@pytest.mark.parametrize(
    ("fields", "bottoms", "message"),
    [
        ({}, 1, "mask_group_num 2 and 2 anchors_scale for 1 bottoms"),
        ({"anchors_scale": (8, 0)}, 2, "no scale is 0"),
        ({"anchors_scale": (8,)}, 2, "1 anchors_scale for 2 bottoms"),
        ({"anchors_scale": ()}, 2, "0 anchors_scale for 2 bottoms"),
        ({"mask": ()}, 2, "0 mask"),
        ({"mask": (0, 1, 2, 4)}, 2, "4 mask and 8 biases"),
        ({"mask": (0, 1, 2)}, 2, "3 mask"),
    ],
)
def test_what_does_not_fit_is_refused(fields, bottoms, message):
    with pytest.raises(ShapeError, match=message):
        replace(V3, **fields).infer([Blob((1, 16, 3, 3))] * bottoms, 1)
