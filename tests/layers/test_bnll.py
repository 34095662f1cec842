"""BNLL against PyTorch's and ONNX Runtime's softplus and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.bnll import BNLL


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 5 * normal(rng, *shape)
    # The oracles take the logarithm of 1 + exp(-|x|): an error relative to 1, and not to the result.
    bound = {"roundings": FEW, "magnitude": np.maximum(np.abs(x), 1)}
    check_layer(BNLL(), [x], torch.nn.functional.softplus(torch.from_numpy(x)).numpy(), **bound)
    check_layer(BNLL(), [x], run_onnx("Softplus", [x]), **bound)
    check_layer(BNLL(), [x], run_opencv(BNLL(), [x]), **bound)


def test_far_below_zero_it_is_the_exponential():
    """log(1 + e) lies below e by less than e**2 / 2, here a hundredth of a rounding; in f32 1 + e would be 1."""
    x = np.array([-20, -30, -60, -80], np.float32)
    check_layer(BNLL(), [x], np.exp(x.astype(np.float64)), roundings=1)


def test_limits():
    (top,) = compute(BNLL(), [np.array([-np.inf, -200, 0, 200, 3e38, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([0, 0, np.log(2), 200, 3e38, np.inf, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(BNLL(), [normal(rng, 2, 4, 3, 3)], rng)
