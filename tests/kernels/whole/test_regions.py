"""Pooling of regions in machine code against the references."""

import numpy as np
import pytest

from tests.kernels.checks import UNIT, make_params
from xdn.errors import ShapeError
from xdn.graph import Layer
from xdn.kernels.whole.layers import compute_whole


def regions(rng, count, images):
    made = np.empty((count, 5), np.float32)
    made[:, 0] = rng.integers(images, size=count)
    made[:, 1:] = rng.uniform(-20, 120, (count, 4))
    made[::3, 3:] = made[::3, 1:3] + rng.uniform(0, 40, made[::3, 3:].shape)
    return made


def layer(type_name, **params):
    return Layer("layer", make_params(type_name, **params), ("x", "r"), ("y",))


@pytest.mark.parametrize("size", [(2, 3), (7, 7)])
def test_maxima(rng, size):
    pool = layer("ROIPooling", pooled_h=size[0], pooled_w=size[1], spatial_scale=0.125)
    x = rng.standard_normal((2, 5, 11, 13), np.float32)
    x[0, 0, 3, 3] = np.nan
    bottoms = [x, regions(rng, 40, 2)]
    (found,), (expected,) = compute_whole(pool, bottoms), pool.forward(bottoms)
    np.testing.assert_array_equal(found, expected)


def test_averages(rng):
    pool = layer("PSROIPooling", output_dim=4, group_size=3, spatial_scale=0.125)
    bottoms = [rng.standard_normal((2, 36, 11, 13), np.float32), regions(rng, 40, 2)]
    (found,), (expected,) = compute_whole(pool, bottoms), pool.forward(bottoms)
    # Both sum in f64 and round once; the orders differ.
    assert (np.abs(found - expected) <= UNIT * np.abs(expected)).all()
    assert (found != 0).any()


@pytest.mark.parametrize("type_name", ["ROIPooling", "PSROIPooling"])
def test_no_region_leads_out_of_the_map(rng, type_name):
    params = {"output_dim": 1, "group_size": 2} if type_name == "PSROIPooling" else {"pooled_h": 2, "pooled_w": 2}
    pool = layer(type_name, spatial_scale=1.0, **params)
    ugly = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e9, 0]
    given = np.array([[0, a, b, c, d] for a in ugly for b in ugly[:3] for c in ugly for d in ugly[:3]], np.float32)
    bottoms = [rng.standard_normal((1, 4, 3, 3), np.float32), given]
    with np.errstate(all="ignore"):
        (found,), (expected,) = compute_whole(pool, bottoms), pool.forward(bottoms)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(ShapeError, match="a region of image"):
        compute_whole(pool, [bottoms[0], np.array([[7, 0, 0, 1, 1]], np.float32)])
