"""Suppression in machine code keeps the boxes that the reference keeps."""

import numpy as np
import pytest

from tests.kernels.checks import one_layer_net
from xdn.kernels.whole.layers import compute_whole
from xdn.kernels.whole.suppression import suppress
from xdn.layers import boxes


def some_boxes(rng, count, unit):
    corners = rng.uniform(0, 30 if unit else 1, (count, 2, 2)).astype(np.float32)
    made = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    made[::7] = made[::7][:, [2, 3, 0, 1]]  # inside out
    return np.repeat(made, 2, axis=0)[: count + count // 2]  # and some twice


@pytest.mark.parametrize("unit", [0, 1])
@pytest.mark.parametrize(("threshold", "eta"), [(0.3, 1.0), (0.7, 1.0), (0.9, 0.9), (0.0, 1.0), (1.0, 1.0)])
def test_the_same_boxes(rng, unit, threshold, eta):
    for count in (0, 1, 2, 40, 300):
        given = some_boxes(rng, count, unit)
        expected = boxes.suppress(given, threshold, unit=unit, eta=eta)
        np.testing.assert_array_equal(suppress(given, threshold, unit=unit, eta=eta), expected)


def test_what_is_no_number_is_kept_as_by_the_reference():
    given = np.array([[0, 0, 1, 1], [np.nan] * 4, [0, 0, np.inf, 1], [-np.inf, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(suppress(given, 0.5), boxes.suppress(given, 0.5))


@pytest.mark.parametrize("keep_top_k", [-1, 7])
def test_a_detectors_output(rng, keep_top_k):
    params = {"num_classes": 3, "code_type": "CENTER_SIZE", "keep_top_k": keep_top_k}
    params |= {"nms_param": (("nms_threshold", 0.45), ("top_k", 30)), "confidence_threshold": 0.3}
    layer = one_layer_net("DetectionOutput", (80,), (60,), (2, 80), **params).layer("layer")
    priors = np.stack([some_boxes(rng, 20, 0)[:20].ravel(), np.full(80, 0.1)])[None].astype(np.float32)
    bottoms = [rng.standard_normal((4, 80), np.float32), rng.uniform(0, 1, (4, 60)).astype(np.float32), priors]
    (found,), (expected,) = compute_whole(layer, bottoms), layer.forward(bottoms)
    np.testing.assert_array_equal(found, expected)


def test_proposals(rng):
    layer = one_layer_net("Proposal", (18, 6, 8), (36, 6, 8), (3,), tops=2, min_size=4).layer("layer")
    bottoms = [
        rng.uniform(0, 1, (1, 18, 6, 8)).astype(np.float32),
        0.3 * rng.standard_normal((1, 36, 6, 8), np.float32),
        np.array([[96, 128, 1]], np.float32),
    ]
    for found, expected in zip(compute_whole(layer, bottoms), layer.forward(bottoms), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_yolos_outputs(rng):
    params = {"num_classes": 2, "num_box": 2, "biases": (10.0, 14.0, 30.0, 20.0), "confidence_threshold": 0.2}
    params |= {"mask": (0, 1), "mask_group_num": 1, "anchors_scale": (16,)}
    layer = one_layer_net("Yolov3DetectionOutput", (14, 5, 6), **params).layer("layer")
    bottoms = [rng.standard_normal((3, 14, 5, 6), np.float32)]
    (found,), (expected,) = compute_whole(layer, bottoms), layer.forward(bottoms)
    np.testing.assert_array_equal(found, expected)
