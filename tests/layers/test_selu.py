"""SELU against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.selu import ALPHA, SCALE, SELU


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 3 * normal(rng, *shape)
    # exp(x) - 1 cancels near 0: its error is relative to exp(x), at most 1, times both constants.
    bound = {"roundings": FEW, "magnitude": SCALE * np.maximum(np.abs(x), ALPHA)}
    check_layer(SELU(), [x], torch.nn.functional.selu(torch.from_numpy(x)).numpy(), **bound)
    check_layer(SELU(), [x], run_onnx("Selu", [x]), **bound)


def test_limits():
    with np.errstate(over="ignore"):
        (top,) = compute(SELU(), [np.array([-np.inf, -200, 0, 1, 3.4e38, np.inf, np.nan], np.float32)])
    least = np.float32(SCALE) * -np.float32(ALPHA)
    np.testing.assert_array_equal(top, np.array([least, least, 0, SCALE, np.inf, np.inf, np.nan], np.float32))


def test_mean_and_variance_are_kept():
    """What the constants are for: a standard normal variable has mean 0 and variance 1 after the layer, too."""
    x = np.linspace(-12, 12, 200_001).astype(np.float32)
    density = np.exp(-(x.astype(np.float64) ** 2) / 2)
    density /= density.sum()
    (top,) = compute(SELU(), [x])
    # The sum over a fine grid stands for the integral to 1e-8; the values are f32.
    assert abs((top * density).sum()) < 1e-6
    assert abs((top.astype(np.float64) ** 2 * density).sum() - 1) < 1e-6


def test_channels_are_carried(rng):
    check_carried(SELU(), [normal(rng, 2, 4, 3, 3)], rng)
