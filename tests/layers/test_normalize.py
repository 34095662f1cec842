"""Normalize against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    FEW,
    check_fixed,
    check_layer,
    check_needs_every_position,
    check_positions,
    check_weight_channels,
    compute,
    normal,
    run_onnx,
    weights_for,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.normalize import Normalize

ONE = {"scale": np.array(1, np.float32)}


def _spread(scale, x):
    return scale.reshape(-1, *(1,) * (x.ndim - 2))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4), (2, 3, 6), (1, 1, 1, 1)])
def test_reference(rng, shape, across, shared):
    params = Normalize(across_spatial=across, channel_shared=shared)
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    scale = _spread(weights["scale"], x)
    # A sum of squares errs by a rounding each, relative to itself; the root halves that on each side.
    terms = x[0].size if across else x.shape[1]
    bound = {"weights": weights, "roundings": terms + FEW}
    axes = tuple(range(1, x.ndim)) if across else (1,)
    norms = torch.linalg.vector_norm(torch.from_numpy(x).double(), dim=axes, keepdim=True).numpy()
    check_layer(params, [x], x / norms * scale, **bound)
    rows = x.reshape(x.shape[0], -1) if across else x
    check_layer(params, [x], run_onnx("LpNormalization", [rows], axis=1, p=2).reshape(shape) * scale, **bound)
    # OpenCV's layer refuses a scale a channel with the norm of an image.
    if x.ndim == 4 and (shared or not across):
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4), (1, 1, 1, 1)])
def test_norms_of_absolute_values_and_no_scale(rng, shape, across):
    """Caffe's fork adds eps to the sum itself."""
    x = normal(rng, *shape)
    axes = tuple(range(1, x.ndim)) if across else (1,)
    norms = np.abs(x.astype(np.float64)).sum(axis=axes, keepdims=True) + 0.5
    params = Normalize(across_spatial=across, norm="L1", scaled=False, eps=0.5)
    assert params.weight_shapes([Blob(shape)]) == {}
    check_layer(params, [x], x / norms, roundings=x[0].size + FEW)
    norms = np.sqrt((x.astype(np.float64) ** 2).sum(axis=axes, keepdims=True) + 0.5)
    check_layer(Normalize(across_spatial=across, scaled=False, eps=0.5), [x], x / norms, roundings=x[0].size + FEW)


@pytest.mark.parametrize("across", [False, True])
def test_eps_stands_under_the_root(rng, across):
    params = Normalize(across_spatial=across, eps=0.5)
    x = normal(rng, 2, 3, 4, 5)
    axes = (1, 2, 3) if across else 1
    expected = x / np.sqrt((x.astype(np.float64) ** 2).sum(axis=axes, keepdims=True) + 0.5)
    check_layer(params, [x], expected, weights=ONE, roundings=60 + FEW)
    check_layer(params, [x], run_opencv(params, [x], ONE), weights=ONE, roundings=60 + FEW)


def test_by_hand():
    x = np.array([[3, 4], [0, -2]], np.float32)
    (top,) = compute(Normalize(eps=0.0), [x], {"scale": np.array(5, np.float32)})
    np.testing.assert_allclose(top, [[3, 4], [0, -5]], rtol=1e-6)


def test_limits():
    """Zeros stay zeros; squares that overflow give a norm that leaves zeros, as in Caffe; NaN reaches its norm's."""
    x = np.zeros((4, 2, 1, 2), np.float32)
    x[1] = 1e20
    x[2, 0, 0, 0] = np.nan
    x[3, 0, 0, 0] = np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        (top,) = compute(Normalize(across_spatial=False), [x], ONE)
        (whole,) = compute(Normalize(), [x], ONE)
    nan = np.isnan(top)
    assert nan[2, :, 0, 0].all()
    assert nan[3, 0, 0, 0]
    assert nan.sum() == 3
    assert not top[~nan].any()
    assert not whole[:2].any()
    assert np.isnan(whole[2]).all()


def test_scales_lie_along_the_channels():
    assert Normalize().weight_shapes([Blob((2, 3, 4, 5))]) == {"scale": ()}
    assert Normalize(channel_shared=False).weight_shapes([Blob((2, 3, 4, 5))]) == {"scale": (3,)}


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="axis 1"):
        Normalize().infer([Blob((4,))], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        Normalize().infer([Blob((1, 2))] * 2, 1)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("across", [False, True])
def test_channels_are_fixed(rng, across, shared):
    check_fixed(Normalize(across_spatial=across, channel_shared=shared), [normal(rng, 2, 4, 3, 3)], rng)


@pytest.mark.parametrize("shared", [False, True])
def test_positions(rng, shared):
    # Sums of small whole numbers' squares are exact, in any order.
    x = rng.integers(-9, 10, (2, 3, 7, 5)).astype(np.float32)
    check_positions(Normalize(across_spatial=False, channel_shared=shared), [x], rng)
    check_needs_every_position(Normalize(channel_shared=shared), [Blob(x.shape)])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("across", [False, True])
def test_weight_channels(rng, across, shared):
    check_weight_channels(Normalize(across_spatial=across, channel_shared=shared), [normal(rng, 2, 4, 3, 3)], rng)
