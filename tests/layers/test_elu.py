"""ELU against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.elu import ELU


@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, alpha):
    x = 3 * normal(rng, *shape)
    params = ELU(alpha=alpha)
    # exp(x) - 1 cancels near 0: its error is relative to exp(x), at most 1, and not to the result.
    bound = {"roundings": FEW, "magnitude": np.maximum(np.abs(x), 1)}
    check_layer(params, [x], torch.nn.functional.elu(torch.from_numpy(x), alpha).numpy(), **bound)
    check_layer(params, [x], run_onnx("Elu", [x], alpha=alpha), **bound)
    if alpha == 1:  # OpenCV's importer of ELU knows no other
        check_layer(params, [x], run_opencv(params, [x]), **bound)


def test_limits():
    (top,) = compute(ELU(alpha=2.0), [np.array([-np.inf, -200, 0, 1e30, np.inf], np.float32)])
    np.testing.assert_array_equal(top, np.array([-2, -2, 0, 1e30, np.inf], np.float32))


def test_channels_are_carried(rng):
    check_carried(ELU(), [normal(rng, 2, 4, 3, 3)], rng)
