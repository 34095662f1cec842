"""YOLO's outputs against plain loops over cells, boxes and classes."""

import math

import numpy as np
import pytest

from tests.layers.oracles import blobs, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.yolodetectionoutput import YoloDetectionOutput
from xdn.layers.yolov3detectionoutput import Yolov3DetectionOutput

CLASSES = 3


def logistic(x):
    return 1 / (1 + math.exp(-x))


def overlap(a, b):
    """Intersection over union of (score, label, x, y, w, h)."""
    extents = [
        min(a[i] + a[i + 2] / 2, b[i] + b[i + 2] / 2) - max(a[i] - a[i + 2] / 2, b[i] - b[i + 2] / 2) for i in (2, 3)
    ]
    if min(extents) <= 0:
        return 0.0
    shared = extents[0] * extents[1]
    return shared / (a[4] * a[5] + b[4] * b[5] - shared)


def listed(candidates, threshold, image):
    kept = []
    for each in sorted(candidates, key=lambda c: -c[0]):
        if all(overlap(each, other) < threshold for other in kept):
            kept.append(each)
    return [[image, label + 1, score, x - w / 2, y - h / 2, x + w / 2, y + h / 2] for score, label, x, y, w, h in kept]


def boxes_of(values, anchors, cell, size, image_size):
    """Return x, y, w, h of a prediction, as fractions."""
    (row, column), (h, w) = cell, size
    x, y = (column + logistic(values[0])) / w, (row + logistic(values[1])) / h
    return x, y, math.exp(values[2]) * anchors[0] / image_size[1], math.exp(values[3]) * anchors[1] / image_size[0]


def naive(params, bottoms):
    rows = []
    for image in range(len(bottoms[0])):
        candidates = []
        for number, bottom in enumerate(bottoms):
            h, w = bottom.shape[2:]
            for row, column in np.ndindex(h, w):
                for n in range(params.num_box):
                    size = 5 + CLASSES
                    values = bottom[image, n * size : (n + 1) * size, row, column].astype(float)
                    if isinstance(params, Yolov3DetectionOutput):
                        scale = params.anchors_scale[number]
                        which = params.mask[number * params.num_box + n]
                        anchors, image_size = params.biases[2 * which : 2 * which + 2], (h * scale, w * scale)
                        scores = [logistic(values[4]) * logistic(v) for v in values[5:]]
                        found = [(s, c) for c, s in enumerate(scores) if s > params.confidence_threshold]
                    else:
                        anchors, image_size = params.biases[2 * n : 2 * n + 2], (h, w)
                        powers = np.exp(values[5:])
                        best = int(powers.argmax())
                        score = logistic(values[4]) * powers[best] / powers.sum()
                        found = [(score, best)] if score >= params.confidence_threshold else []
                    box = boxes_of(values, anchors, (row, column), (h, w), image_size)
                    candidates += [(*each, *box) for each in found]
        rows += listed(candidates, params.nms_threshold, image)
    return np.array(rows, np.float32)[None, None]


def found_by(params, bottoms):
    """Return the top, whose rows are at most as many as the shape rule says."""
    (most,) = params.infer(blobs(bottoms), 1)
    (found,) = params.reference(bottoms, {}, 1)
    assert found.dtype == np.float32
    assert found.shape[:2] + found.shape[3:] == (1, 1, 7)
    assert 1 <= found.shape[2] <= most.shape[2]
    return (found,)


V2 = YoloDetectionOutput(num_classes=CLASSES, num_box=2, biases=(1.0, 2.0, 0.5, 0.7), confidence_threshold=0.3)
V3 = Yolov3DetectionOutput(
    num_classes=CLASSES,
    num_box=2,
    biases=(10.0, 14.0, 23.0, 27.0, 37.0, 58.0, 60.0, 30.0),
    mask=(2, 3, 0, 1),
    anchors_scale=(32, 16),
    confidence_threshold=0.4,
)


@pytest.mark.parametrize("params", [V2, V3], ids=["v2", "v3"])
def test_reference(rng, params):
    bottoms = [normal(rng, 2, 16, 3, 2), normal(rng, 2, 16, 6, 4)]
    (found,) = found_by(params, bottoms)
    expected = naive(params, bottoms)
    assert found.shape == expected.shape
    assert 0 < found.shape[2] < 2 * (6 + 24) * 2 * CLASSES
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("params", [V2, V3], ids=["v2", "v3"])
def test_nothing_found(params):
    bottoms = [np.full((2, 16, 3, 2), -20, np.float32), np.full((2, 16, 6, 4), -20, np.float32)]
    (found,) = found_by(params, bottoms)
    np.testing.assert_array_equal(found, [[[[0] + [-1] * 6, [1] + [-1] * 6]]])


def test_a_box_goes_where_it_overlaps_a_better_one_of_another_class():
    params = Yolov3DetectionOutput(
        num_classes=2, num_box=1, biases=(8.0, 8.0), mask=(0,), mask_group_num=1, anchors_scale=(8,)
    )
    x = np.array([0, 0, 0, 0, 4, 2, 3], np.float32).reshape(1, 7, 1, 1)
    (found,) = found_by(params, [x])
    assert found.shape == (1, 1, 1, 7)
    assert found[0, 0, 0, 1] == 2


@pytest.mark.parametrize(
    ("params", "shapes", "message"),
    [
        (V2, [(1, 15, 3, 3)], "16 channels"),
        (V2, [(1, 16, 3, 3), (2, 16, 3, 3)], "as many images"),
        (V2, [(1, 16, 3)], r"maps \(N"),
        (YoloDetectionOutput(num_classes=CLASSES, num_box=2), [(1, 16, 3, 3)], "0 biases for 2 boxes"),
        (YoloDetectionOutput(num_classes=0), [(1, 16, 3, 3)], "num_classes 0"),
        (V3, [(1, 16, 3, 3)], "mask_group_num 2 and 2 anchors_scale for 1 bottoms"),
        (Yolov3DetectionOutput(num_classes=CLASSES, num_box=2, anchors_scale=(8, 8)), [(1, 16, 3, 3)] * 2, "0 mask"),
    ],
)
def test_what_does_not_fit_is_refused(params, shapes, message):
    with pytest.raises(ShapeError, match=message):
        params.infer([Blob(shape) for shape in shapes], 1)
