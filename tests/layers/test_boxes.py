"""Overlaps and suppression against plain loops, ONNX Runtime and OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from tests.layers.oracles import EPS, FEW, run_onnx
from xdn.layers.boxes import areas, overlaps, suppress


def _boxes(rng, count, size=1.0):
    """Return (count, 4) f32 corners that overlap often, none inside out."""
    centres, halves = rng.random((count, 2)) * size, (0.05 + 0.2 * rng.random((count, 2))) * size
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)


def _naive_overlap(a, b, unit):
    """Return the overlap of two boxes, counted from the definition in f64."""
    shared = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) + unit for i in (0, 1)]
    if min(shared) <= 0:
        return 0.0
    sizes = [(box[2] - box[0] + unit) * (box[3] - box[1] + unit) for box in (a, b)]
    return shared[0] * shared[1] / (sum(sizes) - shared[0] * shared[1])


def _naive_suppress(boxes, threshold, unit=0.0, eta=1.0):
    """Return the kept indices, by loops over plain numbers."""
    kept = []
    for index, box in enumerate(boxes.tolist()):
        keep = True
        for other in kept:
            if _naive_overlap(box, boxes[other].tolist(), unit) > threshold:
                keep = False
        if keep:
            kept.append(index)
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return kept


@pytest.mark.parametrize("unit", [0, 1])
def test_areas_and_overlaps(rng, unit):
    """Extents, products, their sum and the quotient: a few roundings, relative to the larger of the boxes."""
    boxes = _boxes(rng, 60, 100)
    expected = [(b[2] - b[0] + unit) * (b[3] - b[1] + unit) for b in boxes.astype(np.float64)]
    found = areas(boxes, unit)
    assert found.dtype == np.float32
    # Corners are up to 125 pixels from the origin, boxes at least 10 wide: differences lose a factor of 12.
    np.testing.assert_allclose(found, expected, rtol=2 * 12.5 * FEW * EPS)
    for box in boxes[:20]:
        expected = [_naive_overlap(box.astype(np.float64), b, unit) for b in boxes.astype(np.float64)]
        assert max(expected) == 1
        assert overlaps(box, boxes, unit).dtype == np.float32
        np.testing.assert_allclose(overlaps(box, boxes, unit), expected, atol=4 * 12.5 * FEW * EPS)


def test_what_has_no_area_overlaps_nothing():
    boxes = np.array([[0, 0, 4, 4], [3, 3, 1, 1], [1, 3, 3, 1], [2, 2, 2, 2], [4, 0, 8, 4]], np.float32)
    assert areas(boxes).tolist() == [16, 0, 0, 0, 16]
    for box in boxes[1:4]:
        assert overlaps(box, boxes).tolist() == [0] * 5
    assert overlaps(boxes[0], boxes).tolist() == [1, 0, 0, 0, 0]
    assert suppress(boxes, 0).tolist() == [0, 1, 2, 3, 4]


def test_with_a_unit_both_edges_belong_to_the_box():
    boxes = np.array([[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [2, 2, 0, 0]], np.float32)
    assert areas(boxes, 1).tolist() == [1, 2, 1, 0]
    assert overlaps(boxes[1], boxes, 1).tolist() == [0.5, 1, 0.5, 0]
    # Half a pixel wide, as the two loops of py-faster-rcnn's NMS count it: not without area.
    thin = np.array([[5, 5, 4.5, 6]] * 2, np.float32)
    assert areas(thin, 1).tolist() == [1, 1]
    assert suppress(thin, 0.7, unit=1).tolist() == [0]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.45, 0.7, 1.0])
def test_suppression_in_other_engines(rng, threshold):
    for count in (1, 7, 150):
        boxes, scores = _boxes(rng, count), np.sort(rng.random(count).astype(np.float32))[::-1]
        kept = suppress(boxes, threshold).tolist()
        assert kept == _naive_suppress(boxes, threshold)
        limits = np.array([count], np.int64), np.array([threshold], np.float32)
        inputs = [boxes[None], scores[None, None], *limits]
        found = run_onnx("NonMaxSuppression", inputs, returns=TensorProto.INT64)
        assert kept == found[:, 2].tolist()
        corners = [(float(x), float(y), float(x2) - float(x), float(y2) - float(y)) for x, y, x2, y2 in boxes]
        assert kept == list(cv2.dnn.NMSBoxes(corners, scores, 0.0, threshold))


# No deadline: the machine's speed is not under test.
@given(
    seed=st.integers(0, 1000),
    count=st.integers(0, 40),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 0.6, 0.9, 1.0]),
    unit=st.sampled_from([0, 1]),
    eta=st.sampled_from([1.0, 0.9, 0.5]),
    whole=st.booleans(),
)
def test_any_boxes(seed, count, threshold, unit, eta, whole):
    boxes = _boxes(np.random.default_rng(seed), count, 30)
    boxes = np.rint(boxes) if whole else boxes  # many that are equal, and overlaps at the very threshold
    assert suppress(boxes, threshold, unit=unit, eta=eta).tolist() == _naive_suppress(boxes, threshold, unit, eta)


def test_an_overlap_at_the_threshold_is_kept():
    boxes = np.array([[0, 0, 4, 2], [0, 0, 2, 2]], np.float32)
    assert overlaps(boxes[0], boxes).tolist() == [1, 0.5]
    assert suppress(boxes, 0.5).tolist() == [0, 1]
    assert suppress(boxes, np.nextafter(np.float32(0.5), np.float32(0))).tolist() == [0]


def test_eta_lowers_the_threshold_while_it_is_above_one_half():
    """Rows of boxes that overlap the first by 3/4, 2/4, 1/4, put one below the other so that rows do not meet."""
    width = np.array([4, 3, 2, 1], np.float32)
    rows = [np.stack([0 * width, 0 * width + y, width, 0 * width + y + 1], axis=1) for y in (0, 2, 4)]
    boxes = np.concatenate(rows)
    assert suppress(boxes, 0.8).tolist() == list(range(12))
    # 0.8, after the first box 0.48: not above one half, so that it stays there.
    assert suppress(boxes, 0.8, eta=0.6).tolist() == [0, 3, 4, 7, 8, 11]
    # 0.8, 0.72, 0.648, 0.5832, 0.52488, and from the fifth on 0.472392, which one half exceeds.
    assert suppress(boxes, 0.8, eta=0.9).tolist() == [0, 2, 3, 4, 6, 8, 11]
    assert suppress(boxes, 0.4, eta=0.1).tolist() == suppress(boxes, 0.4).tolist()


def test_nothing_comes_of_nothing():
    kept = suppress(np.empty((0, 4), np.float32), 0.5)
    assert (kept.shape, kept.dtype) == ((0,), np.int64)
