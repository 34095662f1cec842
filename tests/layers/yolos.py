"""What the tests of YOLO's outputs share: plain loops over images, cells, boxes and classes."""

import math

import numpy as np

from tests.layers.oracles import blobs
from xdn.layers.yolodetectionoutput import YoloDetectionOutput
from xdn.layers.yolov3detectionoutput import Yolov3DetectionOutput

CLASSES = 3
V2 = YoloDetectionOutput(num_classes=CLASSES, num_box=2, biases=(1.0, 2.0, 0.5, 0.7), confidence_threshold=0.3)
V3 = Yolov3DetectionOutput(
    num_classes=CLASSES,
    num_box=2,
    biases=(10.0, 14.0, 23.0, 27.0, 37.0, 58.0, 60.0, 30.0),
    mask=(2, 3, 0, 1),
    anchors_scale=(32, 16),
    confidence_threshold=0.4,
)


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
    """Return the rows of the candidates of an image that no better one hides."""
    kept = []
    for each in sorted(candidates, key=lambda c: -c[0]):
        if all(overlap(each, other) < threshold for other in kept):
            kept.append(each)
    return [[image, label + 1, score, x - w / 2, y - h / 2, x + w / 2, y + h / 2] for score, label, x, y, w, h in kept]


def boxes_of(values, anchors, cell, size):
    """Return x, y, w, h of a prediction, as fractions; so are `anchors`."""
    (row, column), (h, w) = cell, size
    x, y = (column + logistic(values[0])) / w, (row + logistic(values[1])) / h
    return x, y, math.exp(values[2]) * anchors[0], math.exp(values[3]) * anchors[1]


def naive(params, bottoms, found, anchors):
    """Return the top.

    Parameters
    ----------
    found : callable
        values of a prediction -> its [(score, class)] that count.
    anchors : callable
        (number of the bottom, number of the box, h, w of the map) -> width and height, as fractions of the image.
    """
    rows = []
    parts = 5 + params.num_classes
    for image in range(len(bottoms[0])):
        candidates = []
        for number, bottom in enumerate(bottoms):
            h, w = bottom.shape[2:]
            for row, column in np.ndindex(h, w):
                for n in range(params.num_box):
                    values = bottom[image, n * parts : (n + 1) * parts, row, column].astype(float)
                    box = boxes_of(values, anchors(number, n, h, w), (row, column), (h, w))
                    candidates += [(*each, *box) for each in found(values)]
        rows += listed(candidates, params.nms_threshold, image)
    return np.array(rows, np.float32)[None, None]


def found_by(params, bottoms):
    """Return the top, whose rows are at most as many as the shape rule says."""
    (most,) = params.infer(blobs(bottoms), 1)
    (found,) = params.reference(bottoms, {}, 1)
    assert found.dtype == np.float32
    assert found.shape[:2] + found.shape[3:] == (1, 1, 7)
    assert 1 <= found.shape[2] <= most.shape[2]
    return found
