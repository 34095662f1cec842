"""MVN against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    FEW,
    check_carried,
    check_fixed,
    check_layer,
    check_needs_every_position,
    compute,
    normal,
    run_onnx,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.mvn import MVN


def _axes(params, x):
    return tuple(range(1 if params.across_channels else 2, x.ndim))


@pytest.mark.parametrize("variance", [False, True])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4, 6), (1, 2, 1, 9)])
def test_reference(rng, shape, across, variance):
    params = MVN(across_channels=across, normalize_variance=variance)
    x = normal(rng, *shape) + 2
    axes = _axes(params, x)
    deviation, mean = torch.std_mean(torch.from_numpy(x).double(), dim=axes, correction=0, keepdim=True)
    deviation = deviation.numpy() if variance else np.ones(1)
    # Mean and mean square of n values err by a rounding each at most, relative to those of the magnitudes and of the
    # squares. The oracles take E[x**2] - E[x]**2, which cancels: relative to the variance E[x**2] counts.
    count = np.prod([x.shape[axis] for axis in axes])
    magnitude = (np.abs(x) + np.abs(x).mean(axis=axes, keepdims=True)) / deviation
    cancelled = np.square(x).mean(axis=axes, keepdims=True) / deviation**2 if variance else 1
    bound = {"roundings": count + FEW, "magnitude": magnitude * (1 + cancelled)}
    check_layer(params, [x], (x - mean.numpy()) / deviation, **bound)
    if variance:
        check_layer(params, [x], run_onnx("MeanVarianceNormalization", [x], axes=axes), **bound)
    if x.ndim == 4:
        check_layer(params, [x], run_opencv(params, [x]), **bound)


@pytest.mark.parametrize("across", [False, True])
def test_eps_is_added_to_the_deviation(rng, across):
    """Not to the variance, as OpenCV has it."""
    params = MVN(across_channels=across, eps=0.25)
    x = normal(rng, 2, 3, 4, 5)
    axes = _axes(params, x)
    exact = x.astype(np.float64)
    deviation, mean = exact.std(axis=axes, keepdims=True), exact.mean(axis=axes, keepdims=True)
    # The reference sums in f64: what remains are roundings of mean, difference, deviation, its sum and the quotient.
    bound = {"roundings": FEW, "magnitude": (np.abs(x) + np.abs(mean)) / (deviation + 0.25)}
    check_layer(params, [x], (exact - mean) / (deviation + 0.25), **bound)


def test_by_hand():
    """Mean 5 and deviation 3; without the variance the difference alone."""
    x = np.array([[[2, 8]], [[2, 8]]], np.float32)
    (top,) = compute(MVN(eps=0.0), [x])
    assert top.tolist() == [[[-1, 1]]] * 2
    (top,) = compute(MVN(normalize_variance=False), [x])
    assert top.tolist() == [[[-3, 3]]] * 2


def test_what_does_not_vary_is_zero():
    x = np.full((2, 3, 2, 2), 1e30, np.float32)
    for params in (MVN(), MVN(across_channels=True), MVN(normalize_variance=False)):
        (top,) = compute(params, [x])
        assert not top.any()
    # Two axes: every channel is one value.
    (top,) = compute(MVN(), [np.arange(6, dtype=np.float32).reshape(2, 3)])
    assert not top.any()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_limits(rng, value):
    """An infinity or NaN takes all that it is normalised with, and nothing else."""
    x = normal(rng, 2, 3, 2, 2)
    with np.errstate(invalid="ignore"):
        (clean,) = compute(MVN(), [x])
        x[1, 2, 0, 1] = value
        (top,) = compute(MVN(), [x])
        (whole,) = compute(MVN(across_channels=True), [x])
    assert np.isnan(top[1, 2]).all()
    clean[1, 2] = np.nan
    np.testing.assert_array_equal(top, clean)
    assert np.isnan(whole[1]).all()
    assert not np.isnan(whole[0]).any()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="axis 1"):
        MVN().infer([Blob((4,))], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        MVN().infer([Blob((1, 2))] * 2, 1)


def test_channels(rng):
    x = normal(rng, 2, 4, 3, 3)
    check_carried(MVN(), [x], rng)
    check_carried(MVN(normalize_variance=False), [x], rng)
    check_fixed(MVN(across_channels=True), [x], rng)


@pytest.mark.parametrize("across", [False, True])
def test_every_position_counts(across):
    check_needs_every_position(MVN(across_channels=across), [Blob((2, 3, 7, 5))])


@pytest.mark.parametrize("across", [False, True])
def test_eps_may_be_added_to_the_variance(rng, across):
    params = MVN(across_channels=across, eps=0.5, add_eps_before_sqrt=True)
    x = normal(rng, 2, 3, 4, 5).astype(np.float64)
    axes = _axes(params, x)
    centred = x - x.mean(axis=axes, keepdims=True)
    expected = centred / np.sqrt(np.square(centred).mean(axis=axes, keepdims=True) + 0.5)
    check_layer(params, [x.astype(np.float32)], expected.astype(np.float32), magnitude=4)
