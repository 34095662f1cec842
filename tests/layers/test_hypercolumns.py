"""HyperColumns against PyTorch's interpolation, whose places lie as its own do."""

import numpy as np
import pytest

from tests.layers.oracles import compute, normal
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.hypercolumns import HyperColumns


@pytest.mark.parametrize(("skip", "taken"), [(1, 1), (4, 4), (5, 4)])
def test_reference(rng, skip, taken):
    normals, fine, coarse = normal(rng, 2, 3, 8, 8), normal(rng, 2, 2, 8, 8), normal(rng, 2, 4, 4, 4)
    params = HyperColumns(is_train=False, skip_ratio=skip)
    columns, points = compute(params, [normals, fine, coarse], n_tops=2)
    grown = torch.nn.functional.interpolate(torch.from_numpy(coarse), (8, 8), mode="bilinear", align_corners=False)
    maps = np.concatenate([fine, grown.numpy()], axis=1)
    expected = maps.reshape(2, 6, 64)[:, :, ::taken].transpose(0, 2, 1).reshape(-1, 6, 1, 1)
    np.testing.assert_allclose(columns, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(points, normals.reshape(2, 3, 64)[:, :, ::taken].transpose(0, 2, 1).reshape(-1, 3))


def test_training_draws_its_places():
    with pytest.raises(UnsupportedError, match="is_train draws at random"):
        HyperColumns().infer([Blob((1, 3, 4, 4))] * 2, 2)


@pytest.mark.parametrize("shapes", [[(1, 3, 4, 4)], [(1, 3, 4, 4), (2, 3, 4, 4)], [(1, 3, 4, 4), (1, 3, 5, 4)]])
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError, match="two or more maps"):
        HyperColumns(is_train=False).infer([Blob(shape) for shape in shapes], 2)


def test_a_ratio_beyond_the_places():
    with pytest.raises(ShapeError, match="skip_ratio 17 of 16 places"):
        HyperColumns(is_train=False, skip_ratio=17).infer([Blob((1, 3, 4, 4))] * 2, 2)


def test_as_many_places_as_a_blob_may_have():
    # A prime: the next smaller one that divides it is 1.
    blob = Blob((1, 1, 1, 2147483647))
    tops = HyperColumns(is_train=False, skip_ratio=2147483646).infer([blob, blob], 2)
    assert [top.shape for top in tops] == [(2147483647, 1, 1, 1), (2147483647, 1)]
