"""DetectionOutput against plain loops and OpenCV over codes, bounds and thresholds."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layers.opencv import run_opencv
from tests.layers.oracles import EPS, FEW, blobs
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob, ChannelRule
from xdn.layers.detectionoutput import DetectionOutput
from xdn.layers.outlines import decoded


def _bottoms(rng, images, count, classes, sets=1, levels=0):
    """Return locations, confidences (of `levels` different values, all different for 0) and priors."""
    locations = (0.5 * rng.standard_normal((images, count * sets * 4))).astype(np.float32)
    confidences = rng.random((images, count * classes)).astype(np.float32)
    if levels:
        confidences = np.rint(confidences * levels) / np.float32(levels)
    centres, halves = rng.random((count, 2)), 0.05 + 0.2 * rng.random((count, 2))
    corners = np.concatenate([centres - halves, centres + halves], axis=1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (count, 1))
    return [locations, confidences, np.stack([corners.ravel(), variances.ravel()])[None].astype(np.float32)]


def _suppression(nms_threshold=0.45, **more):
    return tuple({"nms_threshold": nms_threshold, **more}.items())


def _decoded(params, code, prior, variance):
    """Return the corners that a code stands for, from the definition of its type, in f64."""
    if not params.variance_encoded_in_target:
        code = [c * v for c, v in zip(code, variance, strict=True)]
    if params.code_type == "CORNER":
        return [p + c for p, c in zip(prior, code, strict=True)]
    width, height = prior[2] - prior[0], prior[3] - prior[1]
    if params.code_type == "CORNER_SIZE":
        return [p + c * size for p, c, size in zip(prior, code, (width, height) * 2, strict=True)]
    x, y = (prior[0] + prior[2]) / 2 + code[0] * width, (prior[1] + prior[3]) / 2 + code[1] * height
    width, height = math.exp(code[2]) * width, math.exp(code[3]) * height
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def _overlap(a, b):
    shared = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    if min(shared) <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared[0] * shared[1] / (sum(areas) - shared[0] * shared[1])


def _naive_class(params, boxes, scores):
    """Return the (score, box) that one class keeps of an image, best first."""
    given = {"nms_threshold": 0.3, "top_k": -1, "eta": 1.0, **dict(params.nms_param)}
    ranked = [p for p in range(len(scores)) if scores[p] > params.confidence_threshold]
    ranked.sort(key=lambda p: -scores[p])
    bound, kept = given["nms_threshold"], []
    for p in ranked if given["top_k"] < 0 else ranked[: given["top_k"]]:
        if all(_overlap(boxes[p], box) <= bound for _, box in kept):
            kept.append((scores[p], boxes[p]))
            if given["eta"] < 1 and bound > 0.5:
                bound *= given["eta"]
    return kept


def _naive(params, locations, confidences, priors):
    """Return the rows by loops over images, classes and priors."""
    count, classes, rows = priors.shape[2] // 4, params.num_classes, []
    priors, variances = priors.reshape(2, count, 4).tolist()
    for image in range(len(locations)):
        codes = locations[image].reshape(count, -1, 4).tolist()
        scores = confidences[image].reshape(count, classes).tolist()
        found = []
        for label in range(classes):
            if label != params.background_label_id:
                own = 0 if params.share_location else label
                boxes = [_decoded(params, codes[p][own], priors[p], variances[p]) for p in range(count)]
                kept = _naive_class(params, boxes, [scores[p][label] for p in range(count)])
                found += [[image, label, score, *box] for score, box in kept]
        if 0 <= params.keep_top_k < len(found):
            best = sorted(found, key=lambda row: -row[2])[: params.keep_top_k]
            found = [row for label in range(classes) for row in best if row[1] == label]
        rows += found
    return np.array(rows or [[image, *[-1] * 6] for image in range(len(locations))])


def _compute(params, bottoms):
    """Return the rows (found, 7), checked against the shape rule; the bottoms must stay as they are."""
    before = [bottom.copy() for bottom in bottoms]
    (most,) = params.infer(blobs(bottoms), 1)
    (top,) = params.reference(bottoms, {}, 1)
    assert top.dtype == np.float32
    assert top.shape == (1, 1, top.shape[2], 7)
    assert 1 <= top.shape[2] <= most.shape[2]
    for bottom, kept in zip(bottoms, before, strict=True):
        np.testing.assert_array_equal(bottom, kept)
    return top[0, 0]


def _check(rows, expected):
    """Compare rows: image, class and confidence to the bit, corners to a few roundings of what they are made of.

    No prior here is beyond 1.25, and no code moves or stretches one by more than to 4: their sums and differences
    are made of numbers up to 4.
    """
    assert np.abs(expected[:, 3:]).max() < 4
    np.testing.assert_array_equal(rows[:, :3], expected[:, :3].astype(np.float32))
    np.testing.assert_allclose(rows[:, 3:], expected[:, 3:], rtol=0, atol=4 * FEW * EPS)


#: parameters; the first three share locations among the classes
CASES = [
    {"num_classes": 3},
    {"num_classes": 2, "code_type": "CENTER_SIZE", "nms_param": _suppression(), "confidence_threshold": 0.1},
    {
        "num_classes": 4,
        "code_type": "CENTER_SIZE",
        "nms_param": _suppression(0.45, top_k=20),
        "keep_top_k": 15,
        "confidence_threshold": 0.01,
    },
    {"num_classes": 3, "share_location": False, "code_type": "CENTER_SIZE", "nms_param": _suppression(0.7, eta=0.9)},
    {"num_classes": 3, "share_location": False, "background_label_id": 2, "variance_encoded_in_target": True},
    {"num_classes": 3, "share_location": False, "background_label_id": -1, "keep_top_k": 1},
    {"num_classes": 1, "share_location": False, "background_label_id": 5, "nms_param": _suppression(0.0)},
]


def _case(rng, fields, images, **more):
    params = DetectionOutput(**fields)
    sets = 1 if params.share_location else params.num_classes
    return params, _bottoms(rng, images, 40, params.num_classes, sets, **more)


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("code_type", ["CORNER", "CENTER_SIZE", "CORNER_SIZE"])
@pytest.mark.parametrize("fields", CASES)
def test_reference(rng, fields, code_type, images):
    params, bottoms = _case(rng, {**fields, "code_type": code_type}, images)
    expected = _naive(params, *bottoms)
    assert len(expected) > images or params.keep_top_k == 1
    _check(_compute(params, bottoms), expected)


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("code_type", ["CORNER", "CENTER_SIZE"])
@pytest.mark.parametrize("fields", CASES)
def test_opencv_finds_the_same(rng, fields, code_type, images):
    """It gives `keep_top_k` rows an image, the best of any class first, then zeros.

    It has no eta, and no threshold of 0.
    """
    nms = {"nms_threshold": 0.3, **dict(fields.get("nms_param", ())), "eta": 1.0}
    nms["nms_threshold"] = nms["nms_threshold"] or 0.1
    bounds = {"keep_top_k": 400, **fields, "nms_param": _suppression(**nms)}
    params, bottoms = _case(rng, {**bounds, "code_type": code_type}, images)
    rows = _compute(params, bottoms)
    if params.variance_encoded_in_target:
        bottoms[2] = np.ascontiguousarray(bottoms[2][:, :1])  # it wants them absent then
    found = run_opencv(params, bottoms, every=True)[0, 0]
    found = found[found[:, 2] > 0]
    _check(rows[np.lexsort((-rows[:, 2], rows[:, 0]))], found[np.lexsort((-found[:, 2], found[:, 0]))])


# No deadline: the machine's speed is not under test.
@given(
    seed=st.integers(0, 1000),
    images=st.integers(1, 2),
    classes=st.integers(1, 4),
    share=st.booleans(),
    background=st.integers(-1, 4),
    code_type=st.sampled_from(["CORNER", "CENTER_SIZE", "CORNER_SIZE"]),
    bounds=st.fixed_dictionaries({"keep_top_k": st.integers(-3, 30), "confidence_threshold": st.floats(-1, 1.1)}),
    nms=st.fixed_dictionaries(
        {}, optional={"nms_threshold": st.floats(0, 1), "top_k": st.integers(-3, 30), "eta": st.floats(0.1, 1)}
    ),
)
def test_any_parameters(seed, images, classes, share, background, code_type, bounds, nms):
    fields = {"num_classes": classes, "share_location": share, "background_label_id": background, **bounds}
    fields["confidence_threshold"] = float(np.float32(bounds["confidence_threshold"]))
    params = DetectionOutput(code_type=code_type, nms_param=tuple(nms.items()), **fields)
    # Ten levels of confidence: many are equal, and the earlier prior goes first.
    rng = np.random.default_rng(seed)
    bottoms = _bottoms(rng, images, 20, classes, 1 if share else classes, levels=10)
    _check(_compute(params, bottoms), _naive(params, *bottoms))


def test_nothing_found_is_one_row_an_image(rng):
    params, bottoms = _case(rng, {"num_classes": 3, "confidence_threshold": 2.0}, 3)
    expected = [[image, -1, -1, -1, -1, -1, -1] for image in range(3)]
    assert _compute(params, bottoms).tolist() == expected
    # Not so where another image has found something.
    bottoms[1][1, 4] = 2.5
    rows = _compute(params, bottoms)
    assert rows[:, :3].tolist() == [[1, 1, 2.5]]
    for fields in ({"keep_top_k": 0}, {"nms_param": (("top_k", 0),)}, {"background_label_id": 0, "num_classes": 1}):
        params, bottoms = _case(rng, {"num_classes": 3, **fields}, 2)
        assert _compute(params, bottoms).tolist() == expected[:2]


def test_what_is_not_a_confidence_is_not_found(rng):
    params, bottoms = _case(rng, {"num_classes": 1, "background_label_id": -1}, 1)
    bottoms[1][:] = np.finfo(np.float32).min  # the default threshold, which a confidence must exceed
    bottoms[1][0, :2] = np.nan, -np.inf
    assert _compute(params, bottoms)[:, 1].tolist() == [-1]


def test_equal_confidences_keep_the_order_of_priors_and_classes():
    """Boxes far from each other, all of one confidence: by class, then by prior, also under `keep_top_k`."""
    corners = np.array([[i, i, i + 0.5, i + 0.5] for i in range(4)], np.float32)
    priors = np.stack([corners.ravel(), np.ones(16, np.float32)])[None]
    bottoms = [np.zeros((1, 16), np.float32), np.full((1, 12), 0.5, np.float32), priors]
    rows = _compute(DetectionOutput(num_classes=3), bottoms)
    assert rows[:, [1, 3]].tolist() == [[label, prior] for label in (1, 2) for prior in range(4)]
    rows = _compute(DetectionOutput(num_classes=3, keep_top_k=6), bottoms)
    assert rows[:, [1, 3]].tolist() == [[1, 0], [1, 1], [1, 2], [1, 3], [2, 0], [2, 1]]


def test_a_box_inside_out_suppresses_nothing():
    corners = np.array([[0.8, 0.8, 0.2, 0.2], [0.2, 0.2, 0.8, 0.8], [0.8, 0.8, 0.2, 0.2]], np.float32)
    priors = np.stack([corners.ravel(), np.ones(12, np.float32)])[None]
    bottoms = [np.zeros((1, 12), np.float32), np.array([[0, 0.9, 0, 0.8, 0, 0.7]], np.float32), priors]
    rows = _compute(DetectionOutput(num_classes=2, nms_param=_suppression(0.0)), bottoms)
    np.testing.assert_array_equal(rows[:, 3:], corners)


def test_a_box_without_bounds_is_given_as_it_is():
    """exp overflows to infinity, as in C."""
    params = DetectionOutput(num_classes=1, background_label_id=-1, code_type="CENTER_SIZE")
    priors = np.array([[[0, 0, 1, 1], [1, 1, 1, 1]]], np.float32).reshape(1, 2, 4)
    bottoms = [np.array([[0, 0, 200, 0]], np.float32), np.ones((1, 1), np.float32), priors]
    assert _compute(params, bottoms).tolist() == [[0, 0, 1, -np.inf, 0, np.inf, 1]]


def test_the_rows_are_bounded():
    def most(images=2, **fields):
        bottoms = [Blob((images, 40)), Blob((images, 30)), Blob((1, 2, 40))]
        return DetectionOutput(num_classes=3, **fields).infer(bottoms, 1)[0].shape

    assert most() == (1, 1, 60, 7)
    assert most(keep_top_k=7) == (1, 1, 14, 7)
    assert most(keep_top_k=0) == (1, 1, 2, 7)
    assert most(keep_top_k=-5) == (1, 1, 60, 7)
    assert most(keep_top_k=1 << 30) == (1, 1, 60, 7)
    assert most(nms_param=(("top_k", 4),)) == (1, 1, 24, 7)
    assert most(nms_param=(("top_k", 4),), keep_top_k=100) == (1, 1, 24, 7)


def test_a_fourth_bottom_plays_no_part(rng):
    params, bottoms = _case(rng, {"num_classes": 3}, 2)
    np.testing.assert_array_equal(_compute(params, [*bottoms, bottoms[0]]), _compute(params, bottoms))


def test_channels_are_fixed(rng):
    params, bottoms = _case(rng, {"num_classes": 3}, 2)
    assert params.channel_rule_for(blobs(bottoms)) is ChannelRule.FIXED


FITTING = [(2, 40), (2, 30), (1, 2, 40)]


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, FITTING[:2], "2 bottoms"),
        ({"num_classes": 0}, FITTING, "locations of shape"),
        ({"num_classes": 1 << 31}, FITTING, "confidences of shape"),
        ({"num_classes": 1 << 31, "share_location": False}, FITTING, "locations of shape"),
        ({"share_location": False}, FITTING, "3 sets"),
        ({}, [(2, 44), *FITTING[1:]], r"locations of shape \(2, 44\) for 10 priors"),
        ({}, [(), *FITTING[1:]], "locations of shape"),
        ({}, [FITTING[0], (2, 33), FITTING[2]], r"confidences of shape \(2, 33\)"),
        ({}, [FITTING[0], (3, 20), FITTING[2]], r"confidences of shape \(3, 20\)"),
        ({}, [*FITTING[:2], (1, 1, 40)], r"priors of shape \(1, 1, 40\)"),
        ({}, [*FITTING[:2], (2, 2, 40)], r"priors of shape \(2, 2, 40\)"),
        ({}, [*FITTING[:2], (1, 2, 42)], r"priors of shape \(1, 2, 42\)"),
        ({}, [*FITTING[:2], (1, 2, 40, 1)], "priors of shape"),
        ({"nms_param": (("nms_threshold", -0.1),)}, FITTING, "nms_threshold -0.1"),
        ({"nms_param": (("nms_threshold", math.nan),)}, FITTING, "nms_threshold nan"),
        ({"nms_param": (("eta", 0.0),)}, FITTING, "eta 0"),
        ({"nms_param": (("eta", 1.5),)}, FITTING, "eta 1.5"),
        ({"nms_param": (("eta", math.nan),)}, FITTING, "eta nan"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        DetectionOutput(**{"num_classes": 3, **fields}).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("fifth", [False, True])
@pytest.mark.parametrize("objectness", [0.01, 0.6])
def test_a_refined_detector(rng, fifth, objectness):
    """Anchors that are hardly something are background; the others are moved first, by locations of their own."""
    fields = {"num_classes": 3, "code_type": "CENTER_SIZE", "confidence_threshold": 0.05, "keep_top_k": 9}
    params = DetectionOutput(objectness_score=objectness, nms_param=_suppression(), **fields)
    locations, confidences, priors = _bottoms(rng, 2, 12, 3)
    likely = rng.random((2, 12)).astype(np.float32)
    arms = [np.stack([1 - likely, likely], axis=-1).reshape(2, 24)]
    if fifth:
        arms.append((0.5 * rng.standard_normal((2, 48))).astype(np.float32))
    expected = []
    for image in range(2):
        scores = confidences[image].reshape(12, 3).copy()
        scores[likely[image] < np.float32(objectness)] = [1, 0, 0]
        moved = priors.copy()
        if fifth:
            codes, variances = arms[1][image].reshape(12, 4).tolist(), priors[0, 1].reshape(12, 4).tolist()
            corners = priors[0, 0].reshape(12, 4).tolist()
            moved[0, 0] = np.ravel([_decoded(params, *each) for each in zip(codes, corners, variances, strict=True)])
        rows = _naive(params, locations[image : image + 1], scores.reshape(1, -1), moved)
        rows[:, 0] = image
        expected.append(rows)
    rows = _compute(params, [locations, confidences, priors, *arms])
    np.testing.assert_allclose(rows, np.concatenate(expected), rtol=0, atol=1e-5)
    assert len(rows) > 2


def test_bottoms_of_a_refined_detector_fit():
    with pytest.raises(ShapeError, match=r"after the priors; it takes \(N, priors \* 2\)"):
        DetectionOutput(num_classes=3).infer([Blob(shape) for shape in [*FITTING, *FITTING[:2]]], 1)


def test_soft_suppression_is_refused_and_its_absence_is_not():
    shapes = [Blob(shape) for shape in FITTING]
    DetectionOutput(num_classes=3, nms_param=_suppression(soft_nms=False, theta=0.5)).infer(shapes, 1)
    with pytest.raises(UnsupportedError, match="soft_nms lowers the scores"):
        DetectionOutput(num_classes=3, nms_param=_suppression(soft_nms=True)).infer(shapes, 1)


def test_priors_in_pixels_are_those_that_are_fractions(rng):
    """Intel's regions are priors, but for their image and that they count in pixels."""
    locations, confidences, priors = _bottoms(rng, 1, 5, 3)
    priors[0, 1] = 1
    size = np.array([64, 32, 64, 32], np.float32)
    regions = np.concatenate([np.zeros((5, 1), np.float32), priors[0, 0].reshape(5, 4) * size], axis=1)
    fields = {"num_classes": 3, "code_type": "CENTER_SIZE", "confidence_threshold": 0.2}
    (expected,) = DetectionOutput(**fields).reference([locations, confidences, priors], {}, 1)
    params = DetectionOutput(
        **fields, variance_encoded_in_target=True, normalized=False, input_width=64, input_height=32
    )
    bottoms = [locations, confidences, regions.reshape(1, 1, 25)]
    (found,) = params.reference(bottoms, {}, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert params.infer(blobs(bottoms), 1) == (Blob((1, 1, 15, 7)),)
    with pytest.raises(ShapeError, match="priors of shape"):
        params.infer(blobs([locations, confidences, priors]), 1)
    for wrong in ({"input_width": 0}, {"variance_encoded_in_target": False}):
        with pytest.raises(ShapeError, match="normalized: false"):
            DetectionOutput(**{**vars(params), **wrong}).infer(blobs(bottoms), 1)


@pytest.mark.parametrize(("polygon", "values"), [(True, 8), (False, 5)])
def test_outlines_follow_their_boxes(rng, polygon, values):
    """Boxes and what overlaps are those of the locations without outlines."""
    params, bottoms = _case(rng, CASES[3], 2)
    boxes = _compute(params, bottoms)
    locations = bottoms[0].reshape(2, 40, 3, 4)
    outlines = (0.5 * rng.standard_normal((2, 40, 3, values))).astype(np.float32)
    joined = np.concatenate([locations, outlines], axis=3).reshape(2, -1)
    with_outlines = replace(params, use_polygon=polygon)
    (top,) = with_outlines.reference([joined, *bottoms[1:]], {}, 1)
    assert with_outlines.infer(blobs([joined, *bottoms[1:]]), 1)[0].shape[3] == top.shape[3] == 7 + values
    np.testing.assert_array_equal(top[0, 0, :, :7], boxes)
    confidences = bottoms[1].reshape(2, 40, 3)
    priors, variances = bottoms[2].reshape(2, 40, 4)
    for image, label, score, *rest in top[0, 0]:
        (prior,) = np.flatnonzero(confidences[int(image), :, int(label)] == score)
        code = outlines[int(image), prior, int(label)]
        (expected,) = decoded(code[None], priors[prior][None], variances[prior][None])
        np.testing.assert_allclose(rest[4:], expected, rtol=1e-6)


def test_outlines_are_refused_where_their_caffe_decodes_none(rng):
    for fields in ({"code_type": "CORNER"}, {"code_type": "CENTER_SIZE", "variance_encoded_in_target": True}):
        params = DetectionOutput(num_classes=3, use_polygon=True, **fields)
        with pytest.raises(UnsupportedError, match="use_polygon"):
            params.infer([Blob((1, 10 * 12)), Blob((1, 30)), Blob((1, 2, 40))], 1)
    with pytest.raises(ShapeError, match=r"12 values each.*a location has 12 values or 9"):
        DetectionOutput(num_classes=3, use_polygon=True).infer([Blob((1, 40)), Blob((1, 30)), Blob((1, 2, 40))], 1)
