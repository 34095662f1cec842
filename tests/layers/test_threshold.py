"""Threshold against PyTorch and ONNX Runtime."""

import numpy as np
import pytest
from onnx import TensorProto

from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.threshold import Threshold


@pytest.mark.parametrize("threshold", [0.0, 0.1, -0.7])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, threshold):
    x = normal(rng, *shape)
    x.ravel()[:3] = threshold
    params = Threshold(threshold=threshold)
    # A difference of two f32 is 0 where they are equal only: its sign is exact.
    above = torch.heaviside(torch.from_numpy(x) - np.float32(threshold), torch.zeros(1)).numpy()
    check_layer(params, [x], above, roundings=0)
    greater = run_onnx("Greater", [x, np.full(1, threshold, np.float32)], returns=TensorProto.BOOL)
    check_layer(params, [x], greater.astype(np.float32), roundings=0)


def test_limits():
    x = np.array([-np.inf, -0.0, 0, 1e-45, np.inf, np.nan], np.float32)
    (top,) = compute(Threshold(), [x])
    assert top.tolist() == [0, 0, 0, 1, 1, 0]
    (top,) = compute(Threshold(threshold=-np.inf), [x])
    assert top.tolist() == [0, 1, 1, 1, 1, 0]


def test_channels_are_carried(rng):
    check_carried(Threshold(), [normal(rng, 2, 4, 3, 3)], rng)
