"""HSwish against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.hswish import HSwish


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 3 * normal(rng, *shape)
    # The hard sigmoid of an oracle errs relative to 1 where it cancels, x / 6 + 1 / 2 near -3.
    bound = {"roundings": FEW, "magnitude": np.abs(x)}
    check_layer(HSwish(), [x], torch.nn.functional.hardswish(torch.from_numpy(x)).numpy(), **bound)
    check_layer(HSwish(), [x], run_onnx("HardSwish", [x]), **bound)


def test_limits():
    """Zero up to -3, the bottom from 3 on; -infinity times 0 is NaN. 6 times the f32 nearest to 1/6 is rounded to 1."""
    with np.errstate(invalid="ignore"):
        (top,) = compute(HSwish(), [np.array([-np.inf, -1e30, -3, 0, 3, 3e38, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([np.nan, 0, 0, 0, 3, 3e38, np.inf, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(HSwish(), [normal(rng, 2, 4, 3, 3)], rng)
