"""TanH against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.tanh import TanH


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 2 * normal(rng, *shape)
    check_layer(TanH(), [x], torch.tanh(torch.from_numpy(x).double()).numpy())
    # Relative to 1: near 0 the polynomials and exponentials of these two are that good.
    check_layer(TanH(), [x], run_onnx("Tanh", [x]), magnitude=1.0)
    check_layer(TanH(), [x], run_opencv(TanH(), [x]), magnitude=1.0)


def test_limits():
    (top,) = compute(TanH(), [np.array([-3e38, 0, 3e38, np.inf], np.float32)])
    np.testing.assert_array_equal(top, np.array([-1, 0, 1, 1], np.float32))


def test_channels_are_carried(rng):
    check_carried(TanH(), [normal(rng, 2, 4, 3, 3)], rng)
