"""Proposal against plain loops and OpenCV, and its anchors against those that Faster R-CNN states."""

import math

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import EPS, FEW, blobs
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.proposal import Proposal

#: What generate_anchors.py states in its comment, for pixels that are counted from 1.
STATED = [
    [-83, -39, 100, 56],
    [-175, -87, 192, 104],
    [-359, -183, 376, 200],
    [-55, -55, 72, 72],
    [-119, -119, 136, 136],
    [-247, -247, 264, 264],
    [-35, -79, 52, 96],
    [-79, -167, 96, 184],
    [-167, -343, 184, 360],
]


def _bottoms(rng, params, h, w, scale=1.0, image=None):
    """Return probabilities, deltas and the image's size, by default that of the map's positions."""
    count = len(params.ratio or (1,) * 3) * len(params.scale or (1,) * 3)
    probabilities = rng.random((1, 2 * count, h, w)).astype(np.float32)
    deltas = (0.3 * rng.standard_normal((1, 4 * count, h, w))).astype(np.float32)
    size = image or (h * params.feat_stride, w * params.feat_stride)
    return [probabilities, deltas, np.array([[*size, scale]], np.float32)]


def _naive_anchors(params):
    """Return the boxes around the origin, one by one: base_size squared in each ratio, then in each scale."""
    base, found = params.base_size, []
    for ratio in params.ratio or (0.5, 1, 2):
        width = round(math.sqrt(base * base / ratio))
        height = round(width * ratio)
        for scale in params.scale or (8, 16, 32):
            centre = (base - 1) / 2
            across, down = (width * scale - 1) / 2, (height * scale - 1) / 2
            found.append((centre - across, centre - down, centre + across, centre + down))
    return found


def _overlap(a, b):
    shared = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) + 1 for i in (0, 1)]
    if min(shared) <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return shared[0] * shared[1] / (sum(areas) - shared[0] * shared[1])


def _naive(params, probabilities, deltas, size):
    """Return regions and scores by loops over positions and anchors, in f64; and the largest number on the way."""
    height, width, scale = size.ravel().tolist()[:3]
    anchors, candidates, largest = _naive_anchors(params), [], 0.0
    for y in range(deltas.shape[2]):
        for x in range(deltas.shape[3]):
            for number, anchor in enumerate(anchors):
                dx, dy, dw, dh = deltas[0, 4 * number : 4 * number + 4, y, x].tolist()
                left, upper, right, lower = (
                    edge + place * params.feat_stride for edge, place in zip(anchor, (x, y) * 2, strict=True)
                )
                across, down = right - left + 1, lower - upper + 1
                centre = left + across / 2 + dx * across, upper + down / 2 + dy * down
                half = math.exp(dw) * across / 2, math.exp(dh) * down / 2
                box = [c + sign * h for sign in (-1, 1) for c, h in zip(centre, half, strict=True)]
                largest = max(largest, *map(abs, box))
                box = [max(0, min(edge, end - 1)) for edge, end in zip(box, (width, height) * 2, strict=True)]
                if min(box[2] - box[0], box[3] - box[1]) + 1 >= params.min_size * scale:
                    candidates.append((probabilities[0, len(anchors) + number, y, x].item(), box))
    candidates.sort(key=lambda candidate: -candidate[0])
    kept = []
    for score, box in candidates[: params.pre_nms_topn or None]:
        if all(_overlap(box, other) <= params.nms_thresh for _, other in kept):
            kept.append((score, box))
    kept = kept[: params.post_nms_topn or None]
    return [[0, *box] for _, box in kept], [[score] for score, _ in kept], largest


def _compute(params, bottoms, n_tops=2):
    """Return the tops, checked against the shape rule; the bottoms must stay as they are."""
    before = [bottom.copy() for bottom in bottoms]
    expected = params.infer(blobs(bottoms), n_tops)
    tops = params.reference(bottoms, {}, n_tops)
    assert len(tops) == len(expected) == n_tops
    for top, most in zip(tops, expected, strict=True):
        assert top.dtype == np.float32
        assert top.shape == (len(tops[0]), *most.shape[1:])
        assert 1 <= len(top) <= most.shape[0]
    for bottom, kept in zip(bottoms, before, strict=True):
        np.testing.assert_array_equal(bottom, kept)
    return tops


def _check(regions, expected, largest):
    """Compare regions: a few roundings of the largest edge before it was cut to the image."""
    np.testing.assert_allclose(regions, expected, rtol=0, atol=FEW * EPS * largest)


#: map (H, W), parameters
CASES = [
    ((6, 8), {}),
    ((6, 8), {"post_nms_topn": 20}),
    ((9, 7), {"ratio": (0.5, 1.0), "scale": (2.0, 4.0), "min_size": 1}),
    ((6, 8), {"nms_thresh": 0.5, "pre_nms_topn": 50, "post_nms_topn": 10}),
    ((5, 4), {"ratio": (1.0,), "scale": (1.5, 3.0, 6.0), "feat_stride": 8, "base_size": 8, "min_size": 4}),
    ((4, 5), {"ratio": (0.3, 3.0), "scale": (4.0,), "min_size": 20}),
    ((4, 5), {"ratio": (1.0,), "scale": (2.0,), "min_size": 0, "nms_thresh": 0.0}),
    (
        (4, 5),
        {"ratio": (1.0,), "scale": (2.0,), "min_size": 0, "nms_thresh": 1.0, "pre_nms_topn": 0, "post_nms_topn": 0},
    ),
]


@pytest.mark.parametrize(("size", "fields"), CASES)
@pytest.mark.parametrize("scale", [1.0, 1.6])
def test_reference(rng, size, fields, scale):
    params = Proposal(**fields)
    bottoms = _bottoms(rng, params, *size, scale)
    expected, scores, largest = _naive(params, *bottoms)
    regions, found = _compute(params, bottoms)
    assert len(regions) > 2
    _check(regions, expected, largest)
    np.testing.assert_array_equal(found, np.array(scores, np.float32))
    np.testing.assert_array_equal(_compute(params, bottoms, 1)[0], regions)


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        ((6, 8), {"post_nms_topn": 20}),
        ((9, 7), {"ratio": (0.5, 1.0), "scale": (2.0, 4.0), "post_nms_topn": 12}),
        ((6, 8), {"nms_thresh": 0.5, "pre_nms_topn": 50, "post_nms_topn": 10}),
    ],
)
def test_opencv_finds_the_same(rng, size, fields):
    """It gives `post_nms_topn` regions, zeros where there are fewer; ratios and scales it wants written out."""
    params = Proposal(**{"ratio": (0.5, 1.0, 2.0), "scale": (8.0, 16.0, 32.0), "min_size": 1, **fields})
    bottoms = _bottoms(rng, params, *size)
    regions, _ = _compute(params, bottoms)
    found = run_opencv(params, bottoms)
    _check(found[: len(regions)], regions, 2 * _naive(params, *bottoms)[2])
    assert not found[len(regions) :].any()


def test_anchors():
    np.testing.assert_array_equal(Proposal().anchors(), np.array(STATED) - 1)
    for fields in ({}, {"ratio": (0.3, 1.0, 4.0), "scale": (0.5, 7.0)}, {"base_size": 10}, {"base_size": 1 << 20}):
        params = Proposal(**fields)
        np.testing.assert_array_equal(params.anchors(), _naive_anchors(params))


def test_nothing_found_is_one_region_of_zeros(rng):
    params = Proposal(min_size=500)
    bottoms = _bottoms(rng, params, 3, 4)
    assert [top.tolist() for top in _compute(params, bottoms)] == [[[0] * 5], [[0]]]
    # A size that is not a number leaves nothing.
    bottoms = _bottoms(rng, Proposal(), 3, 4, math.nan)
    assert [top.tolist() for top in _compute(Proposal(), bottoms)] == [[[0] * 5], [[0]]]


def test_a_box_that_is_not_a_number_is_dropped(rng):
    params = Proposal(ratio=(1.0,), scale=(2.0,), nms_thresh=1.0, min_size=1)
    bottoms = _bottoms(rng, params, 3, 4)
    bottoms[1][0, 0, 0, 0] = np.nan
    regions, scores = _compute(params, bottoms)
    assert len(regions) == 11
    assert bottoms[0][0, 1, 0, 0] not in scores
    # One without bounds is cut to the image.
    bottoms[1][0, :, 0, 0] = 0, 0, 500, 500
    regions, scores = _compute(params, bottoms)
    assert regions[scores[:, 0] == bottoms[0][0, 1, 0, 0]].tolist() == [[0, 0, 0, 63, 47]]


def test_equal_scores_keep_the_order_of_positions(rng):
    params = Proposal(ratio=(1.0,), scale=(1.0, 2.0), nms_thresh=1.0, min_size=0, feat_stride=64)
    bottoms = _bottoms(rng, params, 2, 3, image=(1000, 1000))
    bottoms[0][:], bottoms[1][:] = 0.5, 0
    regions, _ = _compute(params, bottoms)
    # Row by row, in a position anchor by anchor; the first position's are cut to the image, whence their centre.
    places = [[(x, y) for y in (0, 64) for x in (0, 64, 128)][i // 2] for i in range(12)]
    for region, (x, y), half in zip(regions[2:], places[2:], [8, 16] * 5, strict=True):
        assert region[3:].tolist() == [x + 8 + half, y + 8 + half]


def test_the_first_half_of_the_probabilities_plays_no_part(rng):
    bottoms = _bottoms(rng, Proposal(), 3, 4)
    expected = _compute(Proposal(), bottoms)
    bottoms[0][:, :9] = np.nan
    for top, wanted in zip(_compute(Proposal(), bottoms), expected, strict=True):
        np.testing.assert_array_equal(top, wanted)


def test_the_regions_are_bounded():
    def most(**fields):
        bottoms = [Blob((1, 18, 3, 4)), Blob((1, 36, 3, 4)), Blob((1, 3))]
        return [top.shape for top in Proposal(**fields).infer(bottoms, 2)]

    assert most() == [(108, 5), (108, 1)]
    assert most(post_nms_topn=10) == [(10, 5), (10, 1)]
    assert most(pre_nms_topn=10) == [(10, 5), (10, 1)]
    assert most(pre_nms_topn=0, post_nms_topn=0) == [(108, 5), (108, 1)]


def test_channels_are_fixed():
    bottoms = [Blob((1, 18, 3, 4)), Blob((1, 36, 3, 4)), Blob((1, 3))]
    assert Proposal().channel_rule_for(bottoms) is ChannelRule.FIXED


FITTING = [(1, 18, 3, 4), (1, 36, 3, 4), (1, 3)]


@pytest.mark.parametrize(
    ("fields", "shapes", "n_tops", "message"),
    [
        ({}, FITTING[:2], 1, "the image's size"),
        ({}, [(1, 18, 3), *FITTING[1:]], 1, "the image's size"),
        ({}, [FITTING[0], (1, 36, 4, 3), FITTING[2]], 1, "9 anchors"),
        ({}, [(1, 17, 3, 4), *FITTING[1:]], 1, "18 and 36 channels for 9 anchors"),
        ({"ratio": (1.0,)}, FITTING, 1, "6 and 12 channels for 3 anchors"),
        ({}, [(2, 18, 3, 4), (2, 36, 3, 4), (2, 3)], 1, "2 images"),
        ({}, [*FITTING[:2], (1, 2)], 1, r"\(1, 2\)"),
        ({}, FITTING, 0, "0 tops"),
        ({}, FITTING, 3, "3 tops"),
        ({"ratio": (0.5, 0.0, 1.0)}, FITTING, 1, "not positive"),
        ({"ratio": (1.0, math.nan, 1.0)}, FITTING, 1, "not positive"),
        ({"scale": (1.0, 2.0, math.inf)}, FITTING, 1, "not positive"),
        ({"scale": (1.0, 2.0, -1.0)}, FITTING, 1, "not positive"),
        ({"feat_stride": 0}, FITTING, 1, "feat_stride"),
        ({"base_size": 0}, FITTING, 1, "base_size"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        Proposal(**fields).infer([Blob(shape) for shape in shapes], n_tops)
