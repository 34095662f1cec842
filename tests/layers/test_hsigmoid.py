"""HSigmoid against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.hsigmoid import HSigmoid


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 3 * normal(rng, *shape)
    # An oracle errs relative to 1 where it cancels, x / 6 + 1 / 2 near -3.
    bound = {"roundings": FEW, "magnitude": 1}
    check_layer(HSigmoid(), [x], torch.nn.functional.hardsigmoid(torch.from_numpy(x)).numpy(), **bound)
    check_layer(HSigmoid(), [x], run_onnx("HardSigmoid", [x], alpha=1 / 6, beta=0.5), **bound)


def test_limits():
    """6 times the f32 nearest to 1/6 is rounded to 1, and 3 times it to 1/2."""
    (top,) = compute(HSigmoid(), [np.array([-np.inf, -1e30, -3, 0, 3, 1e30, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([0, 0, 0, 0.5, 1, 1, 1, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(HSigmoid(), [normal(rng, 2, 4, 3, 3)], rng)
