"""AbsVal against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.absval import AbsVal


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = normal(rng, *shape)
    check_layer(AbsVal(), [x], torch.from_numpy(x).abs().numpy(), roundings=0)
    check_layer(AbsVal(), [x], run_onnx("Abs", [x]), roundings=0)
    check_layer(AbsVal(), [x], run_opencv(AbsVal(), [x]), roundings=0)


def test_limits():
    (top,) = compute(AbsVal(), [np.array([-np.inf, -1e-45, -0.0, 0, np.inf, -np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([np.inf, 1e-45, 0, 0, np.inf, np.nan], np.float32))
    assert not np.signbit(top).any()


def test_channels_are_carried(rng):
    check_carried(AbsVal(), [normal(rng, 2, 4, 3, 3)], rng)
