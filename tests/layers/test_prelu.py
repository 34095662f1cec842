"""PReLU against PyTorch, ONNX Runtime and OpenCV."""

import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    check_carried,
    check_layer,
    check_positions,
    check_weight_channels,
    normal,
    run_onnx,
    weights_for,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.prelu import PReLU


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, shared):
    x = normal(rng, *shape)
    params = PReLU(channel_shared=shared)
    weights = weights_for(params, [x], rng)
    slope = weights["slope"]
    expected = torch.nn.functional.prelu(torch.from_numpy(x), torch.from_numpy(slope.reshape(-1))).numpy()
    check_layer(params, [x], expected, weights=weights)
    along = slope.reshape(-1, *(1,) * (x.ndim - 2))
    check_layer(params, [x], run_onnx("PRelu", [x, along]), weights=weights)
    check_layer(params, [x], run_opencv(params, [x], weights), weights=weights)


def test_slopes_lie_along_the_channels():
    assert PReLU().weight_shapes([Blob((2, 3, 4, 5))]) == {"slope": (3,)}
    assert PReLU(channel_shared=True).weight_shapes([Blob((2, 3, 4, 5))]) == {"slope": ()}
    with pytest.raises(ShapeError, match="axis 1"):
        PReLU().infer([Blob((4,))], 1)


def test_channels_are_carried(rng):
    check_carried(PReLU(), [normal(rng, 2, 4, 3, 3)], rng)


def test_positions(rng):
    check_positions(PReLU(), [normal(rng, 2, 3, 7, 5)], rng)


@pytest.mark.parametrize("shared", [False, True])
def test_weight_channels(rng, shared):
    check_weight_channels(PReLU(channel_shared=shared), [normal(rng, 2, 4, 3, 3)], rng)
