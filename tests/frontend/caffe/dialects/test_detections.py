"""Bottoms of a DetectionOutput that nobody joined give what an SSD finds that joins them."""

import re

import numpy as np
import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.layers.detectionoutput import DetectionOutput

#: Height, width and ratios of two maps, and how many classes.
MAPS, CLASSES = ((2, 3, 2), (1, 2, 3)), 3
PARAMS = "num_classes: 3 code_type: CENTER_SIZE nms_param { nms_threshold: 0.4 }"
PRIORS = sum(h * w * ratios for h, w, ratios in MAPS)


def found(blobs, fields):
    """Return what a DetectionOutput with bottoms of these values finds."""
    names = [f"x{i}" for i in range(len(blobs))]
    text = "".join(
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {extent}" for extent in blob.shape)} }} '
        for name, blob in zip(names, blobs, strict=True)
    )
    bottoms = " ".join(f'bottom: "{name}"' for name in names)
    layer = f'type: "DetectionOutput" {bottoms} detection_output_param {{ {PARAMS} {fields} }}'
    net = net_from_message(prototxt.parse(f'{text} layer {{ name: "y" top: "y" {layer} }}'))
    return net.forward(dict(zip(names, blobs, strict=True)))["y"]


@pytest.fixture
def maps(rng):
    """Return locations and confidences of each map, (N, H, W, ratios, 4 or classes), and all priors."""
    shapes = [(2, h, w, ratios) for h, w, ratios in MAPS]
    centres = rng.random((PRIORS, 2))
    corners = np.concatenate([centres - 0.2, centres + 0.2], axis=1)
    priors = np.stack([corners.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], PRIORS)])[None]
    locations = [rng.standard_normal((*shape, 4)).astype(np.float32) for shape in shapes]
    return locations, [rng.random((*shape, CLASSES), np.float32) for shape in shapes], priors.astype(np.float32)


@pytest.fixture
def expected(maps):
    locations, confidences, priors = maps
    joined = [np.concatenate([each.reshape(2, -1) for each in blobs], axis=1) for blobs in (locations, confidences)]
    params = DetectionOutput(num_classes=CLASSES, code_type="CENTER_SIZE", nms_param=(("nms_threshold", 0.4),))
    (rows,) = params.reference([*joined, priors], {}, 1)
    assert rows.shape[2] > 10
    return rows


def planes(blob):
    """(N, H, W, ratios, C) -> (N, C, ratios, H * W)."""
    n, h, w, ratios, c = blob.shape
    return blob.reshape(n, h * w, ratios, c).transpose(0, 3, 2, 1)


def test_maps_that_are_permuted_and_flat(maps, expected):
    locations, confidences, priors = maps
    rows = [each.reshape(2, -1) for each in (*confidences, *locations)]
    np.testing.assert_array_equal(found([*rows, priors], "nbottom: 2"), expected)
    first = 4 * np.prod(MAPS[0])
    np.testing.assert_array_equal(found([*rows, priors[..., :first], priors[..., first:]], "nbottom: 2"), expected)


def test_maps_that_nobody_permuted(maps, expected):
    locations, confidences, priors = maps
    channels = [each.transpose(0, 3, 4, 1, 2).reshape(2, -1, *each.shape[1:3]) for each in locations]
    bottoms = [*map(planes, confidences), *channels, priors]
    np.testing.assert_array_equal(found(bottoms, "nbottom: 2 no_permute: true"), expected)


def test_maps_ratio_by_ratio(maps, expected):
    locations, confidences, priors = maps
    bottoms = [*(planes(each).reshape(2, -1) for each in (*confidences, *locations)), priors]
    np.testing.assert_array_equal(found(bottoms, "nbottom: 2 ratio_permute: true ratio0: 2 ratio1: 3"), expected)


def test_joined_bottoms_are_taken_as_they_are(maps, expected):
    locations, confidences, priors = maps
    joined = [np.concatenate([each.reshape(2, -1) for each in blobs], axis=1) for blobs in (locations, confidences)]
    np.testing.assert_array_equal(found([*joined, priors], "no_permute: true"), expected)


@pytest.mark.parametrize(
    ("count", "fields", "error", "message"),
    [
        (4, "nbottom: 2", NetError, "4 bottoms and nbottom 2"),
        (3, "nbottom: 0", NetError, "3 bottoms and nbottom 0"),
        (3, "nbottom: -1", NetError, "3 bottoms and nbottom -1"),
        (5, "nbottom: 2 no_permute: true ratio_permute: true", NetError, "give one"),
        (6, "nbottom: 2 no_permute: true", UnsupportedError, "no_permute with the priors of each map apart"),
        (5, "nbottom: 2 ratio_permute: true share_location: false", UnsupportedError, "share_location: false"),
        (15, "nbottom: 7 ratio_permute: true", UnsupportedError, "more than 6 maps"),
        (5, "nbottom: 2 ratio_permute: true ratio1: 0", NetError, "ratios [3, 0]"),
        (3, "tflite_detection: true", UnsupportedError, "tflite_detection"),
    ],
)
def test_what_is_something_else_is_refused(count, fields, error, message):
    with pytest.raises(error, match=rf"layer 'y' .*{re.escape(message)}"):
        found([np.zeros((1, 4), np.float32)] * count, fields)
