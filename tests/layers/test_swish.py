"""Swish against PyTorch and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal
from tests.pytorch import torch
from xdn.layers.swish import Swish


@pytest.mark.parametrize("beta", [1.0, 0.3, -2.0, 0.0])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, beta):
    x = 4 * normal(rng, *shape)
    params = Swish(beta=beta)
    sigmoid = torch.sigmoid(beta * torch.from_numpy(x)).numpy()
    # The product beta * x is rounded: an absolute error of the exponent, a relative one of exp.
    bound = {"roundings": FEW, "magnitude": np.abs(x * sigmoid) * (1 + np.abs(beta * x))}
    check_layer(params, [x], x * sigmoid, **bound)
    if beta == 1:  # OpenCV's importer of Swish knows no other
        check_layer(params, [x], torch.nn.functional.silu(torch.from_numpy(x)).numpy(), **bound)
        check_layer(params, [x], run_opencv(params, [x]), **bound)


def test_limits():
    """-infinity times 0 is NaN."""
    with np.errstate(invalid="ignore"):
        (top,) = compute(Swish(), [np.array([-np.inf, -1000, 0, 40, 3e38, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([np.nan, 0, 0, 40, 3e38, np.inf, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(Swish(beta=0.5), [normal(rng, 2, 4, 3, 3)], rng)
