"""ROIPooling against plain loops, ONNX Runtime and OpenCV."""

import math

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_layer, compute, normal, run_onnx
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.pooling import LOWEST
from xdn.layers.roipooling import ROIPooling, check_regions, clipped, images_of, rounded

#: pooled_h, pooled_w, spatial_scale
CASES = [(1, 1, 1.0), (7, 7, 0.0625), (6, 6, 0.25), (3, 2, 0.5), (2, 5, 0.3), (13, 11, 1.0)]


def _regions(rng, count, images, size):
    """Return (count, 5) f32: regions of an image of `size` pixels, some of which reach beyond it or are tiny."""
    corners = rng.uniform(-0.2, 1.2, (count, 2, 2)) * size
    corners[::4, 1] = corners[::4, 0]  # one position
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.column_stack([rng.integers(0, images, count), low, high]).astype(np.float32)


def _naive(maps, regions, pooled_h, pooled_w, scale):
    """Return the top by loops over every element, numbers in f32 as Caffe's `Dtype` is."""
    f32 = np.float32
    channels, height, width = maps.shape[1:]
    top = np.zeros((len(regions), channels, pooled_h, pooled_w), f32)

    def nearest(value):
        value = float(f32(value) * f32(scale))
        return int(math.copysign(math.floor(abs(value) + 0.5), value))

    for r, (image, *corners) in enumerate(regions):
        left, upper, right, lower = (nearest(corner) for corner in corners)
        bin_h = f32(max(lower - upper + 1, 1)) / f32(pooled_h)
        bin_w = f32(max(right - left + 1, 1)) / f32(pooled_w)
        for c, i, j in np.ndindex(channels, pooled_h, pooled_w):
            rows = range(max(0, math.floor(f32(i) * bin_h) + upper), min(height, math.ceil(f32(i + 1) * bin_h) + upper))
            columns = range(max(0, math.floor(f32(j) * bin_w) + left), min(width, math.ceil(f32(j + 1) * bin_w) + left))
            values = [maps[int(image), c, y, x] for y in rows for x in columns]
            top[r, c, i, j] = max(values, default=0)
    return top


@pytest.mark.parametrize(("pooled_h", "pooled_w", "scale"), CASES)
@pytest.mark.parametrize("images", [1, 3])
def test_reference(rng, pooled_h, pooled_w, scale, images):
    maps = normal(rng, images, 2, 12, 15)
    regions = _regions(rng, 16, images, np.array([15, 12]) / scale)
    params = ROIPooling(pooled_h=pooled_h, pooled_w=pooled_w, spatial_scale=scale)
    check_layer(params, [maps, regions], _naive(maps, regions, pooled_h, pooled_w, scale), roundings=0)
    attributes = {"pooled_shape": (pooled_h, pooled_w), "spatial_scale": scale}
    check_layer(params, [maps, regions], run_onnx("MaxRoiPool", [maps, regions], **attributes), roundings=0)
    check_layer(params, [maps, regions], run_opencv(params, [maps, regions]), roundings=0)


def test_regions_grow_by_the_pad_ratio(rng):
    maps, regions = normal(rng, 2, 3, 12, 15), _regions(rng, 12, 2, np.array([60, 48]))
    extents = regions[:, 3:] - regions[:, 1:3] + 1
    around = np.column_stack([regions[:, 0], regions[:, 1:3] - extents / 4, regions[:, 3:] + extents / 4])
    params = ROIPooling(pooled_h=3, pooled_w=4, spatial_scale=0.25, pad_ratio=0.25)
    check_layer(params, [maps, regions], _naive(maps, around.astype(np.float32), 3, 4, 0.25), roundings=0)
    with pytest.raises(ShapeError, match="pad_ratio -1"):
        ROIPooling(pooled_h=1, pooled_w=1, pad_ratio=-1).infer([Blob((1, 2, 3, 4)), Blob((2, 5))], 1)


def test_regions_may_have_further_axes(rng):
    maps, regions = normal(rng, 1, 2, 6, 6), _regions(rng, 5, 1, np.array([6, 6]))
    params = ROIPooling(pooled_h=2, pooled_w=2)
    expected = params.reference([maps, regions], {}, 1)
    check_layer(params, [maps, regions.reshape(5, 5, 1, 1)], expected, roundings=0)


def test_cells_outside_of_the_map_are_zero():
    maps = np.full((1, 1, 4, 4), -5, np.float32)
    outside = [[0, 9, 9, 12, 12], [0, -9, -9, -5, -5], [0, 9, 0, 12, 3], [0, 0, -9, 3, -9]]
    (top,) = compute(ROIPooling(pooled_h=2, pooled_w=2), [maps, np.array(outside, np.float32)])
    assert (top == 0).all()
    # From -2 on four rows: two are outside, so that the upper cells are empty.
    (top,) = compute(ROIPooling(pooled_h=2, pooled_w=1), [maps, np.array([[0, 0, -2, 3, 1]], np.float32)])
    assert top.ravel().tolist() == [0, -5]


def test_a_region_inside_out_is_one_position():
    maps = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    (top,) = compute(ROIPooling(pooled_h=2, pooled_w=2), [maps, np.array([[0, 2, 1, 0, 0]], np.float32)])
    assert top.ravel().tolist() == [6, 6, 6, 6]


def test_what_is_not_a_number():
    """Caffe starts from -FLT_MAX and replaces it where `value > largest`; a region of NaN has no cells."""
    maps = np.array([np.nan, -np.inf, 1, np.nan], np.float32).reshape(1, 1, 2, 2)
    regions = np.array([[0, 0, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 1, 1]], np.float32)
    (top,) = compute(ROIPooling(pooled_h=1, pooled_w=1), [maps, regions])
    assert top.ravel().tolist() == [LOWEST, LOWEST, 1]
    nan, inf = np.nan, np.inf
    regions = np.array([[0, nan, 0, 1, 1], [0, 0, 0, nan, nan], [0, 0, 0, inf, inf]], np.float32)
    (top,) = compute(ROIPooling(pooled_h=1, pooled_w=1), [np.ones((1, 1, 2, 2), np.float32), regions])
    assert top.ravel().tolist() == [0, 0, 1]


@pytest.mark.parametrize("image", [-1, 2, 2.5, np.nan, np.inf])
def test_a_region_of_no_image_is_refused(rng, image):
    regions = np.array([[0, 0, 0, 1, 1], [image, 0, 0, 1, 1]], np.float32)
    with pytest.raises(ShapeError, match=f"a region of image {image:g}; there are 2"):
        ROIPooling(pooled_h=1, pooled_w=1).reference([normal(rng, 2, 1, 3, 3), regions], {}, 1)
    assert images_of(regions[:1], 2).tolist() == [0]


def test_rounded_is_cs_round():
    below = np.nextafter(np.float32(0.5), np.float32(0))
    values = np.array([0.5, 1.5, 2.5, -0.5, -2.5, below, -below, 2.4, -2.6, 8388609, 16777217, 1e30], np.float32)
    assert rounded(values).tolist() == [1, 2, 3, -1, -3, 0, 0, 2, -3, 8388609, 16777216, float(np.float32(1e30))]
    assert rounded(values).dtype == np.float32


def test_clipped():
    places = np.array([-2.0, 0.0, 3.0, 5.0, 9.0, np.inf, -np.inf, np.nan])
    found = clipped(places, np.full_like(places, 4), 5)
    assert found[:, 0].tolist() == [0, 0, 3, 5, 5, 5, 0, 0]
    assert found[:, 1].tolist() == [4] * 8
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("shapes", "scale", "message"),
    [
        ([(1, 2, 3, 4)], 1, "a map .* and regions"),
        ([(1, 2, 3, 4), (2, 5), (2, 5)], 1, "a map .* and regions"),
        ([(1, 2, 3), (2, 5)], 1, "a map .* and regions"),
        ([(1, 2, 3, 4), (2, 4)], 1, r"regions of shape \(2, 4\)"),
        ([(1, 2, 3, 4), (2, 5, 2)], 1, "regions of shape"),
        ([(1, 2, 3, 4), ()], 1, "regions of shape"),
        ([(1, 2, 3, 4), (2, 5)], 0, "spatial_scale 0"),
        ([(1, 2, 3, 4), (2, 5)], -1, "spatial_scale -1"),
        ([(1, 2, 3, 4), (2, 5)], math.nan, "spatial_scale nan"),
        ([(1, 2, 3, 4), (2, 5)], math.inf, "spatial_scale inf"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, scale, message):
    with pytest.raises(ShapeError, match=message):
        check_regions([Blob(shape) for shape in shapes], scale)
    with pytest.raises(ShapeError, match=message):
        ROIPooling(pooled_h=1, pooled_w=1, spatial_scale=scale).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize(
    ("pooled", "message"), [((0, 3), "positive"), ((3, 0), "positive"), ((1 << 31,) * 2, "elements")]
)
def test_the_grid_has_cells(pooled, message):
    with pytest.raises(ShapeError, match=message):
        ROIPooling(pooled_h=pooled[0], pooled_w=pooled[1]).infer([Blob((1, 2, 3, 4)), Blob((2, 5))], 1)


def test_shapes():
    assert check_regions([Blob((2, 6, 3, 4)), Blob((7, 5))], 1) == (7, 6)
    params = ROIPooling(pooled_h=3, pooled_w=2)
    bottoms = [Blob((2, 6, 3, 4)), Blob((7, 5))]
    assert params.infer(bottoms, 1) == (Blob((7, 6, 3, 2)),)
    assert params.channel_rule_for(bottoms) is ChannelRule.FIXED
