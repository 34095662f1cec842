"""Normalize and MVN in PyTorch."""

import numpy as np
import pytest
import torch

from tests.train.checks import check_gradients, check_layer, gradients
from xdn.layers.mvn import MVN
from xdn.layers.normalize import Normalize


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("across_spatial", [False, True])
@pytest.mark.parametrize("channel_shared", [False, True])
def test_normalize(across_spatial, channel_shared, shape):
    params = Normalize(across_spatial=across_spatial, channel_shared=channel_shared, eps=1e-3)
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize("norm", ["L1", "L2"])
@pytest.mark.parametrize("scaled", [False, True])
def test_normalize_of_happynears_fork(norm, scaled):
    params = Normalize(across_spatial=False, norm=norm, scaled=scaled, eps=1e-3)
    check_layer(params, (2, 3, 4, 5))
    check_gradients(params, (2, 3, 4, 5))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4)])
@pytest.mark.parametrize("across_channels", [False, True])
@pytest.mark.parametrize("normalize_variance", [False, True])
def test_mvn(normalize_variance, across_channels, shape):
    params = MVN(normalize_variance=normalize_variance, across_channels=across_channels)
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize("across_channels", [False, True])
def test_mvn_without_positions(across_channels):
    check_layer(MVN(across_channels=across_channels), (2, 3))


def test_a_constant_image_has_a_finite_gradient():
    (gradient,) = gradients(MVN(), np.full((2, 3, 4, 5), 0.5, np.float32))
    assert torch.isfinite(gradient).all()
