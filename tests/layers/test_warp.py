"""Warp against PyTorch."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.warp import Warp


def test_reference(rng):
    images = normal(rng, 2, 3, 6, 5)
    x, y = (size * 1.4 * rng.random((2, 6, 5)).astype(np.float32) - 1 for size in (5, 6))
    grid = torch.from_numpy(np.stack([2 * x / 4 - 1, 2 * y / 5 - 1], axis=-1)).double()
    expected = torch.nn.functional.grid_sample(torch.from_numpy(images).double(), grid, align_corners=True)
    check_layer(Warp(), [images, np.stack([x, y], axis=1)], expected.numpy(), roundings=64, magnitude=4)


@pytest.mark.parametrize("shapes", [[(1, 3, 4, 4)], [(1, 3, 4, 4), (1, 3, 4, 4)], [(1, 3, 4, 4), (1, 2, 4, 5)]])
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError, match="places"):
        Warp().infer([Blob(shape) for shape in shapes], 1)
