"""DeephiResize against OpenCV's resize, which it calls in its fork, and its size rule by hand."""

import cv2
import numpy as np
import pytest

from tests.layers.oracles import EPS, check_carried, check_layer, check_needs_every_position, compute, normal
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.deephiresize import DeephiResize

#: bottom (N, C, H, W), size of the top
CASES = [
    ((2, 3, 4, 5), (4, 5)),
    ((2, 3, 4, 5), (8, 10)),
    ((1, 2, 9, 7), (5, 4)),
    ((1, 2, 8, 6), (4, 3)),
    ((1, 2, 5, 6), (13, 2)),
    ((1, 2, 1, 6), (4, 3)),
    ((1, 2, 5, 1), (1, 4)),
    ((1, 1, 33, 17), (65, 100)),
]


def _opencv(x, size, how):
    resized = [[cv2.resize(plane, size[::-1], interpolation=how) for plane in image] for image in x]
    return np.array(resized).reshape(*x.shape[:2], *size)


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_bilinear(rng, shape, size):
    x = normal(rng, *shape)
    params = DeephiResize(resize_type="BILINEAR", new_height=size[0], new_width=size[1])
    # Places are the same f32 numbers; OpenCV's vectors may round a place below a whole number differently, which trades
    # a share near 1 of one neighbour for one near 0 of the next.
    bound = {"roundings": 8 + 4 * max(*shape[2:], *size), "magnitude": np.abs(x).max()}
    check_layer(params, [x], _opencv(x, size, cv2.INTER_LINEAR), **bound)


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_nearest(rng, shape, size):
    x = normal(rng, *shape)
    params = DeephiResize(new_height=size[0], new_width=size[1])
    check_layer(params, [x], _opencv(x, size, cv2.INTER_NEAREST), roundings=0)


def test_middles_count():
    """From 2 places to 4: a quarter beside the middles, and what stands at the border beyond them."""
    x = np.array([0, 4], np.float32).reshape(1, 1, 1, 2)
    (top,) = compute(DeephiResize(resize_type="BILINEAR", scale_w=2), [x])
    np.testing.assert_array_equal(top.ravel(), [0, 1, 3, 4])


def test_nearest_keeps_what_is_not_finite():
    x = np.array([np.inf, np.nan], np.float32).reshape(1, 1, 1, 2)
    (top,) = compute(DeephiResize(scale_w=1.5), [x])
    np.testing.assert_array_equal(top.ravel(), np.array([np.inf, np.inf, np.nan], np.float32))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (5, 6)),
        ({"scale_h": 2, "scale_w": 0.5}, (10, 3)),
        ({"scale_h": 1.39, "scale_w": 0.34}, (6, 2)),
        ({"new_height": 3, "new_width": 9, "scale_h": 4}, (3, 9)),
    ],
)
def test_sizes(fields, expected):
    assert DeephiResize(**fields).infer([Blob((2, 3, 5, 6))], 1) == (Blob((2, 3, *expected)),)


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"new_height": 3}, (1, 2, 3, 4), "give both"),
        ({"scale_h": 0}, (1, 2, 3, 4), "positive"),
        ({"scale_w": float("nan")}, (1, 2, 3, 4), "finite"),
        ({"scale_w": 0.1}, (1, 2, 3, 4), "leave nothing"),
        ({}, (1, 2, 3), "4 axes"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, message):
    with pytest.raises(ShapeError, match=message):
        DeephiResize(**fields).infer([Blob(shape)], 1)


def test_the_processing_unit_is_refused():
    with pytest.raises(UnsupportedError, match="use_dpu"):
        DeephiResize(use_dpu=True).infer([Blob((1, 2, 3, 4))], 1)


@pytest.mark.parametrize("kind", ["BILINEAR", "NEAREST"])
def test_channels_and_positions(rng, kind):
    params = DeephiResize(resize_type=kind, scale_h=2, scale_w=1.5)
    check_carried(params, [normal(rng, 2, 4, 6, 4)], rng)
    check_needs_every_position(params, [Blob((2, 3, 7, 5))])


def test_only_nearest_moves():
    assert DeephiResize().moves_only([Blob((1, 2, 3, 4))])
    assert not DeephiResize(resize_type="BILINEAR").moves_only([Blob((1, 2, 3, 4))])


def test_shares_are_known_to_the_last_bit():
    """f32 numbers of places, as OpenCV computes them: in f64, then rounded."""
    at = ((np.arange(7) + 0.5) * (3 / 7) - 0.5).astype(np.float32)
    rows, _ = DeephiResize(resize_type="BILINEAR", new_height=7, new_width=1).corners([(1, 1, 3, 1)])
    assert np.abs(rows.before + rows.share - at.clip(0, 2)).max() <= 2 * EPS
