"""Clip against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.clip import Clip


@pytest.mark.parametrize(("least", "most"), [(-1.0, 1.0), (0.1, 0.7), (-2.5, -0.3), (0.5, 0.5)])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, least, most):
    x = 2 * normal(rng, *shape)
    params = Clip(min=least, max=most)
    check_layer(params, [x], torch.from_numpy(x).clamp(np.float32(least), np.float32(most)).numpy(), roundings=0)
    bounds = [np.array(bound, np.float32) for bound in (least, most)]
    check_layer(params, [x], run_onnx("Clip", [x, *bounds]), roundings=0)


def test_limits():
    x = np.array([-np.inf, -1e30, -0.5, 0.25, 1e30, np.inf, np.nan], np.float32)
    (top,) = compute(Clip(min=-0.5, max=2.0), [x])
    np.testing.assert_array_equal(top, np.array([-0.5, -0.5, -0.5, 0.25, 2, 2, np.nan], np.float32))
    (top,) = compute(Clip(min=-np.inf, max=np.inf), [x])
    np.testing.assert_array_equal(top, x)


@pytest.mark.parametrize(("least", "most"), [(1.0, 0.5), (np.nan, 1.0), (0.0, np.nan)])
def test_bounds_that_cross_are_refused(least, most):
    with pytest.raises(ShapeError, match=r"min .* and max"):
        Clip(min=least, max=most).infer([Blob((1, 2))], 1)


def test_channels_are_carried(rng):
    check_carried(Clip(min=-1.0, max=1.0), [normal(rng, 2, 4, 3, 3)], rng)
