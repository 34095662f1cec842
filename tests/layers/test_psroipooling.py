"""PSROIPooling against plain loops and OpenCV."""

import math

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, changed_channels, check_layer, compute, normal
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.psroipooling import PSROIPooling

#: output_dim, group_size, spatial_scale
CASES = [(1, 1, 1.0), (3, 2, 0.5), (2, 3, 0.0625), (2, 7, 0.25), (1, 4, 0.3)]


def _regions(rng, count, images, size):
    """Return (count, 5) f32: regions of an image of `size` pixels, some of which reach beyond it or are tiny."""
    corners = rng.uniform(-0.2, 1.2, (count, 2, 2)) * size
    corners[::4, 1] = corners[::4, 0]
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.column_stack([rng.integers(0, images, count), low, high]).astype(np.float32)


def _naive(maps, regions, output_dim, g, scale):
    """Return the top by loops over every element: places in f32 as Caffe's `Dtype` is, sums in f64."""
    f32 = np.float32
    height, width = maps.shape[2:]
    top = np.zeros((len(regions), output_dim, g, g), f32)

    def nearest(value):
        return f32(math.copysign(math.floor(abs(float(value)) + 0.5), value))

    for r, (image, *corners) in enumerate(regions):
        left, upper = (nearest(corner) * f32(scale) for corner in corners[:2])
        right, lower = ((nearest(corner) + f32(1)) * f32(scale) for corner in corners[2:])
        bin_h, bin_w = max(lower - upper, f32(0.1)) / f32(g), max(right - left, f32(0.1)) / f32(g)
        for k, i, j in np.ndindex(output_dim, g, g):
            rows = range(max(0, math.floor(f32(i) * bin_h + upper)), min(height, math.ceil(f32(i + 1) * bin_h + upper)))
            columns = range(max(0, math.floor(f32(j) * bin_w + left)), min(width, math.ceil(f32(j + 1) * bin_w + left)))
            values = [float(maps[int(image), (k * g + i) * g + j, y, x]) for y in rows for x in columns]
            top[r, k, i, j] = sum(values) / len(values) if values else 0
    return top


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize(("output_dim", "group_size", "scale"), CASES)
def test_reference(rng, output_dim, group_size, scale, images):
    maps = normal(rng, images, output_dim * group_size**2, 12, 15)
    regions = _regions(rng, 16, images, np.array([15, 12]) / scale)
    params = PSROIPooling(output_dim=output_dim, group_size=group_size, spatial_scale=scale)
    expected = _naive(maps, regions, output_dim, group_size, scale)
    # Both sums are in f64: the quotient is rounded once, with what cancels in the sum far below that.
    (magnitude,) = params.reference([np.abs(maps), regions], {}, 1)
    check_layer(params, [maps, regions], expected, magnitude=magnitude)
    # OpenCV adds the values of a cell in f32, each with a rounding.
    roundings = maps.shape[2] * maps.shape[3] + FEW
    check_layer(params, [maps, regions], run_opencv(params, [maps, regions]), magnitude=magnitude, roundings=roundings)


def test_each_cell_reads_channels_of_its_own(rng):
    params = PSROIPooling(output_dim=2, group_size=2, spatial_scale=1.0)
    maps, regions = normal(rng, 1, 8, 6, 6), np.array([[0, 0, 0, 5, 5]], np.float32)
    assert params.channel_rule_for([Blob(maps.shape), Blob(regions.shape)]) is ChannelRule.FIXED
    for channel in range(8):
        changed = changed_channels(params, [maps, regions], {}, 0, channel, rng)
        assert changed.tolist() == [channel // 4 == k for k in range(2)]
    numbered = np.broadcast_to(np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1), (1, 8, 6, 6)).copy()
    (top,) = compute(params, [numbered, regions])
    assert top.ravel().tolist() == list(range(8))


def test_cells_outside_of_the_map_are_zero():
    maps = np.full((1, 4, 4, 4), -5, np.float32)
    regions = [[0, 9, 9, 12, 12], [0, -9, -9, -5, -5], [0, np.nan, 0, 3, 3], [0, 0, 0, np.nan, 3]]
    (top,) = compute(PSROIPooling(output_dim=1, group_size=2, spatial_scale=1.0), [maps, np.array(regions, np.float32)])
    assert (top == 0).all()
    # From -4 on eight rows: the upper cells are outside.
    (top,) = compute(
        PSROIPooling(output_dim=1, group_size=2, spatial_scale=1.0), [maps, np.array([[0, 0, -4, 3, 3]], np.float32)]
    )
    assert top.ravel().tolist() == [0, 0, -5, -5]


def test_a_region_inside_out_is_a_tenth_of_a_position():
    maps = np.arange(64, dtype=np.float32).reshape(1, 4, 4, 4)
    region = np.array([[0, 3, 2, 0, 0]], np.float32)
    (top,) = compute(PSROIPooling(output_dim=1, group_size=2, spatial_scale=1.0), [maps, region])
    assert top.ravel().tolist() == [maps[0, channel, 2, 3] for channel in range(4)]


@pytest.mark.parametrize("image", [-1, 2, np.nan])
def test_a_region_of_no_image_is_refused(rng, image):
    params = PSROIPooling(output_dim=1, group_size=1, spatial_scale=1.0)
    with pytest.raises(ShapeError, match="a region of image"):
        params.reference([normal(rng, 2, 1, 3, 3), np.array([[image, 0, 0, 1, 1]], np.float32)], {}, 1)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 8, 3, 4)], "a map .* and regions"),
        ({}, [(1, 8, 3, 4), (2, 4)], "regions of shape"),
        ({"output_dim": 3}, [(1, 8, 3, 4), (2, 5)], "8 channels for output_dim 3 and group_size 2"),
        ({"output_dim": 0}, [(1, 8, 3, 4), (2, 5)], "output_dim 0"),
        ({"group_size": 0}, [(1, 8, 3, 4), (2, 5)], "group_size 0"),
        ({"group_size": -2}, [(1, 8, 3, 4), (2, 5)], "group_size -2"),
        ({"group_size": (1 << 31) - 1}, [(1, 8, 3, 4), (2, 5)], "group_size 2147483647"),
        ({"spatial_scale": 0.0}, [(1, 8, 3, 4), (2, 5)], "spatial_scale 0"),
        ({"spatial_scale": math.nan}, [(1, 8, 3, 4), (2, 5)], "spatial_scale nan"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    given = {"output_dim": 2, "group_size": 2, "spatial_scale": 1.0, **fields}
    with pytest.raises(ShapeError, match=message):
        PSROIPooling(**given).infer([Blob(shape) for shape in shapes], 1)
