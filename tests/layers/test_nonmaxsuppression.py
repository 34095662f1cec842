"""NonMaxSuppression, by hand."""

import numpy as np
import pytest

from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.nonmaxsuppression import NonMaxSuppression

#: The second box overlaps the first one by nine tenths, turned around; the third lies apart.
BOXES = np.float32([[[0, 0, 10, 10], [9, 10, 0, 0], [20, 20, 30, 30]]])
SCORES = np.float32([[[0.5, 0.9, 0.4], [0.8, 0.7, 0.1]]])


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({"iou_threshold": 0.5}, [[0, 0, 1], [0, 0, 2], [0, 1, 0], [0, 1, 2]]),
        ({"iou_threshold": 0.5, "score_threshold": 0.4}, [[0, 0, 1], [0, 1, 0]]),
        ({"iou_threshold": 0.95, "max_output_boxes_per_class": 1}, [[0, 0, 1], [0, 1, 0]]),
        ({"score_threshold": 1.0}, [[-1, -1, -1]]),
    ],
    ids=repr,
)
def test_reference(fields, rows):
    params = NonMaxSuppression(**{"max_output_boxes_per_class": 3, **fields})
    (found,) = params.reference([BOXES, SCORES], {}, 1)
    assert found.tolist() == rows
    assert len(found) <= params.infer([Blob(BOXES.shape), Blob(SCORES.shape)], 1)[0].shape[0]


def test_centres():
    """The same boxes, by centres and sizes, of two images."""
    corners = np.sort(BOXES.reshape(1, 3, 2, 2), axis=2)
    low, high = corners[:, :, 0], corners[:, :, 1]
    boxes = np.concatenate([(low + high) / 2, high - low], axis=2).repeat(2, axis=0)
    params = NonMaxSuppression(max_output_boxes_per_class=1, iou_threshold=0.5, center_point_box=True)
    (found,) = params.reference([boxes, SCORES.repeat(2, axis=0)], {}, 1)
    assert found.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [([(1, 3, 4)], r"boxes \(N, M, 4\) and scores"), ([(1, 3, 4), (1, 2, 4)], r"scores of shape \(1, 2, 4\)")],
)
def test_what_does_not_fit_is_refused(shapes, message):
    with pytest.raises(ShapeError, match=message):
        NonMaxSuppression().infer([Blob(shape) for shape in shapes], 1)
