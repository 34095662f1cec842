"""ReLU against PyTorch and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, compute, normal
from tests.pytorch import torch
from xdn.layers.relu import ReLU


@pytest.mark.parametrize("slope", [0.0, 0.1, 1.5])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4), (5,)])
def test_reference(rng, shape, slope):
    x = normal(rng, *shape)
    params = ReLU(negative_slope=slope)
    check_layer(params, [x], torch.nn.functional.leaky_relu(torch.from_numpy(x), slope).numpy())
    if x.ndim > 1:
        check_layer(params, [x], run_opencv(params, [x]))


def test_not_a_number_stays():
    (top,) = compute(ReLU(), [np.array([np.nan, np.inf, -1], np.float32)])
    np.testing.assert_array_equal(top, np.array([np.nan, np.inf, 0], np.float32))


def test_channels_are_carried(rng):
    check_carried(ReLU(), [normal(rng, 2, 4, 3, 3)], rng)
