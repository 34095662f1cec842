"""Normalize and MVN in ONNX."""

import pytest

from tests.frontend.onnx.onnx_checks import check_layer
from xdn.layers.mvn import MVN
from xdn.layers.normalize import Normalize


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("across_spatial", [False, True])
@pytest.mark.parametrize("channel_shared", [False, True])
def test_normalize(across_spatial, channel_shared, shape):
    check_layer(Normalize(across_spatial=across_spatial, channel_shared=channel_shared, eps=1e-3), shape)


@pytest.mark.parametrize("norm", ["L1", "L2"])
@pytest.mark.parametrize("scaled", [False, True])
def test_normalize_of_happynears_fork(norm, scaled):
    check_layer(Normalize(across_spatial=False, norm=norm, scaled=scaled, eps=1e-3), (2, 3, 4, 5))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("across_channels", [False, True])
@pytest.mark.parametrize("normalize_variance", [False, True])
def test_mvn(normalize_variance, across_channels, shape):
    check_layer(MVN(normalize_variance=normalize_variance, across_channels=across_channels, eps=1e-2), shape)
