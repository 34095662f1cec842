"""Mish against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.mish import Mish


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 4 * normal(rng, *shape)
    # The softplus of an oracle may err relative to 1, and so does its tanh; the product with x errs relative to x.
    bound = {"roundings": FEW, "magnitude": np.abs(x)}
    check_layer(Mish(), [x], torch.nn.functional.mish(torch.from_numpy(x)).numpy(), **bound)
    check_layer(Mish(), [x], run_onnx("Mish", [x], opset=18), **bound)
    check_layer(Mish(), [x], run_opencv(Mish(), [x]), **bound)


def test_limits():
    """-infinity times 0 is NaN."""
    with np.errstate(invalid="ignore"):
        (top,) = compute(Mish(), [np.array([-np.inf, -1000, 0, 30, 3e38, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([np.nan, 0, 0, 30, 3e38, np.inf, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(Mish(), [normal(rng, 2, 4, 3, 3)], rng)
