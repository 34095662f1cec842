"""SpatialTransformer against PyTorch's grids, whose places are its own at other coordinates."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.spatialtransformer import SpatialTransformer


@pytest.mark.parametrize("fields", [{}, {"output_H": 4, "output_W": 9}, {"theta_1_2": 0.25, "theta_2_3": -0.5}])
def test_reference(rng, fields):
    params, images = SpatialTransformer(**fields), normal(rng, 2, 3, 6, 5)
    given = normal(rng, 2, params.stated.count(None))
    theta = np.empty((2, 6))
    for entries, row in zip(theta, given.tolist(), strict=True):
        entries[:] = [row.pop(0) if entry is None else entry for entry in params.stated]
    size = (fields.get("output_H", 6), fields.get("output_W", 5))
    grid = np.stack([*np.meshgrid(*(np.arange(s) / s * 2 - 1 for s in size), indexing="ij"), np.ones(size)])
    y, x = np.einsum("nij,jpq->inpq", theta.reshape(2, 2, 3), grid)
    # From -1 at row 0 to 1 at row H - 1, as PyTorch counts, where here 1 is row H.
    places = np.stack([(x + 1) / 2 * 5 / 4 * 2 - 1, (y + 1) / 2 * 6 / 5 * 2 - 1], axis=-1)
    expected = torch.nn.functional.grid_sample(
        torch.from_numpy(images).double(), torch.from_numpy(places), padding_mode="zeros", align_corners=True
    )
    check_layer(params, [images, given], expected.numpy(), roundings=512, magnitude=8)


def test_the_map_that_moves_nothing(rng):
    images = normal(rng, 2, 3, 4, 8)
    theta = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (2, 1))
    (top,) = compute(SpatialTransformer(), [images, theta])
    np.testing.assert_allclose(top, images, atol=1e-6)
    theta[:] = np.nan
    compute(SpatialTransformer(), [images, theta])


@pytest.mark.parametrize("fields", [{"transform_type": "tps"}, {"sampler_type": "nearest"}])
def test_other_maps_are_refused(fields):
    with pytest.raises(UnsupportedError, match="Known: affine, bilinear"):
        SpatialTransformer(**fields).infer([Blob((1, 2, 3, 4)), Blob((1, 6))], 1)


@pytest.mark.parametrize("shapes", [[(1, 2, 3, 4)], [(1, 2, 3, 4), (1, 5)], [(1, 2, 3, 4), (2, 6)], [(1, 2), (1, 6)]])
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError, match="6 entries of theta"):
        SpatialTransformer().infer([Blob(shape) for shape in shapes], 1)
    with pytest.raises(ShapeError, match="output_H -1"):
        SpatialTransformer(output_H=-1).infer([Blob((1, 2, 3, 4)), Blob((1, 6))], 1)
