"""Sigmoid against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.sigmoid import Sigmoid


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 4 * normal(rng, *shape)
    # Relative to 1: far left, where the result is near 0, ONNX Runtime's and OpenCV's polynomials are that good.
    bound = {"magnitude": 1.0}
    check_layer(Sigmoid(), [x], torch.sigmoid(torch.from_numpy(x).double()).numpy(), **bound)
    check_layer(Sigmoid(), [x], run_onnx("Sigmoid", [x]), **bound)
    check_layer(Sigmoid(), [x], run_opencv(Sigmoid(), [x]), **bound)


def test_large_values_do_not_overflow():
    with np.errstate(all="raise"):
        (top,) = compute(Sigmoid(), [np.array([-3e38, 0, 3e38], np.float32)])
    np.testing.assert_array_equal(top, np.array([0, 0.5, 1], np.float32))


def test_channels_are_carried(rng):
    check_carried(Sigmoid(), [normal(rng, 2, 4, 3, 3)], rng)
