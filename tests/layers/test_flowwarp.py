"""FlowWarp against PyTorch, and by hand at the border."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.flowwarp import FlowWarp


def test_reference(rng):
    images, flow = normal(rng, 2, 3, 6, 5), 2 * normal(rng, 2, 2, 6, 5)
    x, y = flow[:, 0] + np.arange(5, dtype=np.float32), flow[:, 1] + np.arange(6, dtype=np.float32)[:, None]
    grid = torch.from_numpy(np.stack([2 * x / 4 - 1, 2 * y / 5 - 1], axis=-1)).double()
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(images).double(), grid, padding_mode="border", align_corners=True
    )
    within = ((x >= 0) & (x < 5) & (y >= 0) & (y < 6))[:, None]
    assert 0 < within.mean() < 1
    check_layer(FlowWarp(), [images, flow], np.where(within, sampled.numpy(), 0), roundings=64, magnitude=4)


def test_the_border():
    image = np.array([[1, 3], [5, 9]], np.float32).reshape(1, 1, 2, 2)
    flow = np.zeros((1, 2, 2, 2), np.float32)
    flow[0, 0] = [[0.5, 0.5], [1, 1]]  # between 1 and 3, past 3 by less than one, on 9, past it by one
    (top,) = compute(FlowWarp(), [image, flow])
    assert top.ravel().tolist() == [2, 3, 9, 0]
    (top,) = compute(FlowWarp(fill_value="NOT_A_NUMBER"), [image, flow])
    np.testing.assert_array_equal(top.ravel(), [2, 3, 9, np.nan])
    flow[:] = np.nan
    assert (compute(FlowWarp(), [image, flow])[0] == 0).all()


@pytest.mark.parametrize(
    "shapes",
    [[(1, 3, 4, 4)], [(1, 3, 4, 4), (1, 3, 4, 4)], [(1, 3, 4, 4), (2, 2, 4, 4)], [(1, 3, 4, 4), (1, 2, 4, 5)], []],
)
def test_what_does_not_fit_is_refused(shapes):
    with pytest.raises(ShapeError, match="a flow"):
        FlowWarp().infer([Blob(shape) for shape in shapes], 1)
