"""ROIAlign against ONNX Runtime, and by hand."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal, run_onnx
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.roialign import ROIAlign


def _regions(rng, count, images, size):
    """Return (count, 5) f32: regions of an image of `size` pixels, some beyond it, some tiny or inside out."""
    corners = rng.uniform(-0.3, 1.3, (count, 4)) * np.tile(size, 2)
    corners[: count // 2] = np.sort(corners[: count // 2].reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    corners[::4, 2:] = corners[::4, :2]
    return np.column_stack([rng.integers(0, images, count), corners]).astype(np.float32)


@pytest.mark.parametrize(
    ("h", "w", "scale", "sampling"), [(7, 7, 0.0625, 2), (3, 2, 0.5, 0), (1, 4, 0.25, 3), (5, 1, 1.0, -1)]
)
def test_reference(rng, h, w, scale, sampling):
    maps, regions = normal(rng, 2, 3, 12, 15), _regions(rng, 24, 2, np.array([15, 12]) / scale)
    params = ROIAlign(pooled_h=h, pooled_w=w, spatial_scale=scale, sampling_ratio=sampling)
    given = [maps, np.ascontiguousarray(regions[:, 1:]), regions[:, 0].astype(np.int64)]
    fields = {"output_height": h, "output_width": w, "spatial_scale": scale, "sampling_ratio": max(0, sampling)}
    expected = run_onnx("RoiAlign", given, coordinate_transformation_mode="output_half_pixel", **fields)
    check_layer(params, [maps, regions], expected, roundings=256, magnitude=8)


def test_samples_by_hand():
    maps = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    regions = np.array([[0, 1, 1, 2, 3], [0, 0, 2, 0, 2], [0, 9, 0, 12, 3], [0, np.nan, 0, 1, 1]], np.float32)
    (top,) = compute(ROIAlign(pooled_h=2, pooled_w=1, sampling_ratio=1), [maps, regions])
    # The middles of cells: places (1.5, 1.5) and (2.5, 1.5) of 4 * row + column; a region without extent has one place.
    assert top[:2].ravel().tolist() == [7.5, 11.5, 9.5, 11.5]
    assert (top[2:] == 0).all()


def test_a_region_of_no_image_is_refused():
    with pytest.raises(ShapeError, match="a region of image 1; there are 1"):
        ROIAlign(pooled_h=1, pooled_w=1, sampling_ratio=1).reference(
            [np.zeros((1, 1, 2, 2), np.float32), np.array([[1, 0, 0, 1, 1]], np.float32)], {}, 1
        )


def test_what_is_not_told_or_too_much_is_refused():
    shapes = [Blob((1, 2, 3, 4)), Blob((2, 5))]
    with pytest.raises(UnsupportedError, match=r"no sampling_ratio: forks .* Where it takes averages"):
        ROIAlign(pooled_h=1, pooled_w=1).infer(shapes, 1)
    for fields in ({"pooled_h": 1 << 20}, {"sampling_ratio": 1 << 20}):
        with pytest.raises(ShapeError, match="samples are taken"):
            ROIAlign(**{"pooled_h": 1, "pooled_w": 1, "sampling_ratio": 2} | fields).infer(shapes, 1)
