"""ReLU6 against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.relu6 import ReLU6


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 6 * normal(rng, *shape)
    check_layer(ReLU6(), [x], torch.nn.functional.relu6(torch.from_numpy(x)).numpy(), roundings=0)
    bounds = [np.array(bound, np.float32) for bound in (0, 6)]
    check_layer(ReLU6(), [x], run_onnx("Clip", [x, *bounds]), roundings=0)
    check_layer(ReLU6(), [x], run_opencv(ReLU6(), [x]), roundings=0)


def test_limits():
    (top,) = compute(ReLU6(), [np.array([-np.inf, -0.0, 5.5, 6, 1e30, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([0, 0, 5.5, 6, 6, 6, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(ReLU6(), [normal(rng, 2, 4, 3, 3)], rng)
