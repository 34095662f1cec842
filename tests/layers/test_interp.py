"""Interp against PyTorch, ONNX Runtime and OpenCV with aligned corners, and its size rule by hand."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    FEW,
    blobs,
    check_carried,
    check_layer,
    check_needs_every_position,
    compute,
    normal,
    run_onnx,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.interp import Interp

#: bottom (N, C, H, W), size of the top
CASES = [
    ((2, 3, 4, 5), (4, 5)),
    ((2, 3, 4, 5), (7, 9)),
    ((1, 2, 9, 7), (5, 4)),
    ((1, 2, 5, 6), (13, 2)),
    ((1, 2, 1, 6), (4, 3)),
    ((1, 2, 5, 1), (1, 4)),
    ((1, 1, 33, 17), (65, 100)),
]


def _bound(x, size):
    """Return (roundings, magnitude).

    A place is known to EPS of its number, so that its share of the next errs by up to EPS times the extent, on both
    sides, and along both axes; a share multiplies the difference of two neighbours, at most twice the largest value.
    A place that rounds to one beside a whole number only trades a share near 1 for one near 0. The weighted sums
    themselves take a few roundings.
    """
    extent = max(*x.shape[2:], *size)
    return {"roundings": FEW + 8 * extent, "magnitude": np.abs(x).max()}


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_reference(rng, shape, size):
    x, params = normal(rng, *shape), Interp(height=size[0], width=size[1])
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), size, mode="bilinear", align_corners=True)
    check_layer(params, [x], expected.numpy(), **_bound(x, size))
    sizes, none = np.array([*shape[:2], *size], np.int64), np.empty(0, np.float32)
    modes = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    # Later versions of the operator want the scales absent, not empty.
    check_layer(params, [x], run_onnx("Resize", [x, none, none, sizes], opset=11, **modes), **_bound(x, size))
    # OpenCV has no message of Interp, but takes a size from wherever it stands.
    other = {("memory_data_param", "height"): size[0], ("memory_data_param", "width"): size[1]}
    check_layer(params, [x], run_opencv(params, [x], other=other), **_bound(x, size))


def test_corners_stay_corners(rng):
    x = normal(rng, 2, 3, 5, 7)
    (top,) = compute(Interp(height=29, width=40), [x])
    np.testing.assert_array_equal(top[:, :, ::28, ::39], x[:, :, ::4, ::6])


@pytest.mark.parametrize(
    ("fields", "size", "expected"),
    [
        ({}, (5, 6), (5, 6)),
        ({"height": 3, "width": 9}, (5, 6), (3, 9)),
        # (size - 1) / shrink_factor + 1, rounded down.
        ({"shrink_factor": 2}, (5, 6), (3, 3)),
        ({"shrink_factor": 4}, (9, 12), (3, 3)),
        # size + (size - 1) * (zoom_factor - 1): as many between two places as before them.
        ({"zoom_factor": 2}, (13, 26), (25, 51)),
        ({"zoom_factor": 8}, (41, 41), (321, 321)),
        ({"shrink_factor": 2, "zoom_factor": 3}, (5, 6), (7, 7)),
        # One factor alone wins over height and width, both together do not.
        ({"zoom_factor": 2, "height": 3, "width": 9}, (5, 6), (9, 11)),
        ({"shrink_factor": 2, "height": 3, "width": 9}, (9, 6), (5, 3)),
        ({"shrink_factor": 2, "zoom_factor": 2, "height": 3, "width": 9}, (5, 6), (3, 9)),
        ({"pad_beg": -1, "pad_end": -2, "zoom_factor": 2}, (8, 9), (9, 11)),
        ({"pad_beg": -1, "pad_end": 0}, (8, 9), (7, 8)),
    ],
)
def test_size_rule(fields, size, expected):
    assert Interp(**fields).infer([Blob((2, 3, *size))], 1) == (Blob((2, 3, *expected)),)


@pytest.mark.parametrize(("begin", "end"), [(-1, 0), (0, -2), (-2, -1)])
def test_padding_crops_before(rng, begin, end):
    x = normal(rng, 2, 3, 8, 9)
    cropped = np.ascontiguousarray(x[:, :, -begin : 8 + end, -begin : 9 + end])
    expected = Interp(height=11, width=5).reference([cropped], {}, 1)
    check_layer(Interp(height=11, width=5, pad_beg=begin, pad_end=end), [x], expected, roundings=0)


def test_the_size_of_a_second_bottom(rng):
    x, size = normal(rng, 2, 3, 5, 6), normal(rng, 1, 7, 9, 4)
    params = Interp(use_blob_size=True, pad_beg=-1)
    expected = Interp(height=9, width=4, pad_beg=-1).reference([x], {}, 1)
    check_layer(params, [x, size], expected, roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [], "0 bottoms"),
        ({}, [(1, 2, 3, 4)] * 2, "2 bottoms"),
        ({}, [(1, 2, 3)], "4 axes"),
        ({"height": 3}, [(1, 2, 3, 4)], "give both"),
        ({"height": -3, "width": 3}, [(1, 2, 3, 4)], "height -3"),
        ({"zoom_factor": 0}, [(1, 2, 3, 4)], "zoom_factor 0"),
        ({"shrink_factor": -1}, [(1, 2, 3, 4)], "shrink_factor -1"),
        ({"pad_beg": 1}, [(1, 2, 3, 4)], "none is positive"),
        ({"pad_end": 1}, [(1, 2, 3, 4)], "none is positive"),
        ({"pad_beg": -2, "pad_end": -1}, [(1, 2, 3, 4)], "nothing of 3x4"),
        ({"height": (1 << 31) - 1, "width": (1 << 31) - 1}, [(1, 2, 3, 4)], "elements"),
        ({"zoom_factor": (1 << 31) - 1}, [(1, 2, 3, 4)], "elements"),
        ({"use_blob_size": True}, [(1, 2, 3, 4)], "use_blob_size"),
        ({"use_blob_size": True}, [(1, 2, 3, 4), (1, 2, 3)], "use_blob_size"),
        ({"use_blob_size": True}, [], "0 bottoms"),
        ({"use_blob_size": True, "pad_beg": 1}, [(1, 2, 3, 4)] * 2, "none is positive"),
        ({"use_blob_size": True, "pad_beg": -9}, [(1, 2, 3, 4)] * 2, "nothing of"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Interp(**fields).infer([Blob(shape) for shape in shapes], 1)


def test_channels_are_carried(rng):
    check_carried(Interp(height=7, width=6), [normal(rng, 2, 4, 3, 4)], rng)
    check_carried(Interp(use_blob_size=True), [normal(rng, 2, 4, 3, 4), normal(rng, 2, 3, 5, 5)], rng)


def test_positions_are_mixed(rng):
    check_needs_every_position(Interp(height=3, width=4), blobs([normal(rng, 2, 4, 3, 4)]))
