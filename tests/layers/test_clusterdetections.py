"""ClusterDetections against OpenCV's groupRectangles, which the layer's own code calls, and by hand."""

import cv2
import numpy as np
import pytest

from tests.layers.oracles import compute
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.clusterdetections import ClusterDetections, grouped


@pytest.mark.parametrize("threshold", [0, 1, 2, 4])
@pytest.mark.parametrize("eps", [0.0, 0.02, 0.2, 0.8])
def test_groups_are_opencvs(rng, threshold, eps):
    centres = rng.integers(-50, 200, (6, 4))
    rectangles = np.abs(centres[rng.integers(0, 6, 40)] + rng.integers(-6, 7, (40, 4)))
    # Greater ones around a group, so that some lie within others.
    rectangles[:8] = np.array([20, 20, 150, 150]) + rng.integers(0, 3, (8, 4))
    boxes, counts = cv2.groupRectangles(rectangles.tolist(), threshold, eps)
    found = grouped(rectangles, threshold, eps)
    assert [box for box, _ in found] == np.array(boxes).reshape(-1, 4).tolist()
    assert [count for _, count in found] == np.array(counts).ravel().tolist()


def test_by_hand():
    """Of an image of 8 x 6 pixels with cells of 2: three cells tell of one box, one of another, which is alone."""
    params = ClusterDetections(
        image_size_x=8, image_size_y=6, stride=2, gridbox_cvg_threshold=0.5, gridbox_rect_thresh=1, gridbox_rect_eps=0.1
    )
    coverage, boxes = np.zeros((1, 1, 3, 4), np.float32), np.zeros((1, 4, 3, 4), np.float32)
    for y, x in [(0, 0), (0, 1), (1, 0)]:
        coverage[0, 0, y, x] = 0.5
        boxes[0, :, y, x] = np.array([10, 20, 40.6, 60]) - [2 * x, 2 * y] * 2
    coverage[0, 0, 2, 3], boxes[0, :, 2, 3] = 0.9, [-5, -5, 200, 200]
    coverage[0, 0, 2, 2], boxes[0, :, 2, 2] = 0.4, [4, 16, 34, 56]
    (top,) = compute(params, [coverage, boxes])
    assert top[0, 0].tolist() == [10, 20, 40, 60, np.float16(np.log(3))]
    assert not top[0, 1:].any()
    lower = compute(ClusterDetections(**{**vars(params), "min_height": 41}), [coverage, boxes])
    assert not lower[0].any()
    assert not compute(params, [0 * coverage, boxes])[0].any()


def test_classes_have_tops_of_their_own():
    params = ClusterDetections(image_size_x=8, image_size_y=6, stride=2, num_classes=2, max_boxes=3)
    assert params.infer([Blob((1, 2, 3, 4)), Blob((1, 4, 3, 4))], 2) == (Blob((1, 3, 5)),) * 2


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 1, 3, 4)], "coverage"),
        ({}, [(1, 2, 3, 4), (1, 4, 3, 4)], "coverage"),
        ({}, [(1, 1, 3, 4), (1, 4, 3, 3)], "coverage"),
        ({"stride": 0}, [(1, 1, 3, 4), (1, 4, 3, 4)], "has no cells"),
        ({"max_boxes": 0}, [(1, 1, 3, 4), (1, 4, 3, 4)], "max_boxes 0"),
        ({"gridbox_rect_eps": -1.0}, [(1, 1, 3, 4), (1, 4, 3, 4)], "gridbox_rect_eps -1"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    stated = {"image_size_x": 8, "image_size_y": 6, "stride": 2, **fields}
    with pytest.raises(ShapeError, match=message):
        ClusterDetections(**stated).infer([Blob(shape) for shape in shapes], 1)
