"""Erf against PyTorch and ONNX Runtime."""

import numpy as np

from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.erf import Erf


def test_reference(rng):
    x = 2 * normal(rng, 2, 3, 5, 7)
    check_layer(Erf(), [x], torch.erf(torch.from_numpy(x).double()).numpy())
    check_layer(Erf(), [x], run_onnx("Erf", [x]), roundings=FEW)


def test_limits():
    (top,) = compute(Erf(), [np.array([-np.inf, -10, -0.0, 0, 10, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([-1, -1, -0.0, 0, 1, 1, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(Erf(), [normal(rng, 2, 4, 3, 3)], rng)
