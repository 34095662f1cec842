"""BatchNorm against PyTorch, ONNX Runtime and OpenCV, with the file's and with the batch's statistics."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    EPS,
    FEW,
    check_carried,
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
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.batchnorm import BatchNorm


def _tensors(weights):
    factor = np.float32(1) / weights["scale_factor"][0]
    return torch.from_numpy(weights["mean"] * factor), torch.from_numpy(weights["variance"] * factor)


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize("use_global_stats", [None, True])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (4, 3), (2, 3, 5), (1, 1, 1, 1)])
def test_global_statistics(rng, shape, use_global_stats, eps):
    params = BatchNorm(use_global_stats=use_global_stats, eps=eps)
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    mean, variance = _tensors(weights)
    # x - mean cancels: its error is relative to |x| + |mean|, divided by the deviation.
    spread = (1, -1) + (1,) * (x.ndim - 2)
    deviation = np.sqrt(variance.numpy() + eps).reshape(spread)
    bound = {"weights": weights, "magnitude": (np.abs(x) + np.abs(mean.numpy()).reshape(spread)) / deviation}

    expected = torch.nn.functional.batch_norm(torch.from_numpy(x), mean, variance, eps=eps)
    check_layer(params, [x], expected.numpy(), **bound)
    ones, zeros = np.ones_like(weights["mean"]), np.zeros_like(weights["mean"])
    operands = [x, ones, zeros, mean.numpy(), variance.numpy()]
    check_layer(params, [x], run_onnx("BatchNormalization", operands, epsilon=eps), **bound)
    if x.ndim == 4:
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (6, 2), (2, 3, 9)])
def test_batch_statistics(rng, shape):
    params = BatchNorm(use_global_stats=False)
    assert params.batch_statistics
    x = normal(rng, *shape) + 2
    expected = torch.nn.functional.batch_norm(torch.from_numpy(x), None, None, training=True)
    # The mean and the variance of n values err by up to n roundings, and the mean by that much of |x|, at most 7.
    count = x.size // x.shape[1]
    weights = weights_for(params, [x], rng)
    check_layer(params, [x], expected.numpy(), weights=weights, roundings=count + FEW, magnitude=7)


@pytest.mark.parametrize("use_global_stats", [None, True, False])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (4, 3), (2, 3, 5)])
def test_scale_and_bias(rng, shape, use_global_stats):
    """NVIDIA's: the statistics are the kept ones, whatever use_global_stats says."""
    params = BatchNorm(scale_bias=True, use_global_stats=use_global_stats, eps=0.01)
    assert not params.batch_statistics
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    assert list(weights) == ["mean", "variance", "scale_factor", "scale", "bias"]
    weights["scale_factor"][0] = 1  # OpenCV's importer takes it for that where there is a scale
    mean, variance = _tensors(weights)
    spread = (1, -1) + (1,) * (x.ndim - 2)
    factor = np.abs(weights["scale"] / np.sqrt(variance.numpy() + params.eps)).reshape(spread)
    # As without; the sum with the bias may cancel, too.
    magnitude = (np.abs(x) + np.abs(mean.numpy()).reshape(spread)) * factor + np.abs(weights["bias"]).reshape(spread)
    bound = {"weights": weights, "magnitude": magnitude}
    learned = [torch.from_numpy(weights[name]) for name in ("scale", "bias")]
    expected = torch.nn.functional.batch_norm(torch.from_numpy(x), mean, variance, *learned, eps=params.eps)
    check_layer(params, [x], expected.numpy(), **bound)
    operands = [x, weights["scale"], weights["bias"], weights["mean"], weights["variance"]]
    check_layer(params, [x], run_onnx("BatchNormalization", operands, epsilon=params.eps), **bound)
    if x.ndim == 4 and use_global_stats is not False:
        check_layer(params, [x], run_opencv(params, [x], weights), **bound)


def test_scale_and_bias_are_not_divided_by_the_factor():
    """((7 - 6 / 2) / sqrt(8 / 2)) * 5 - 1."""
    given = {"mean": 6, "variance": 8, "scale_factor": 2, "scale": 5, "bias": -1}
    weights = {name: np.array([value], np.float32) for name, value in given.items()}
    (top,) = compute(BatchNorm(eps=0.0, scale_bias=True), [np.array([[7]], np.float32)], weights)
    assert top == 9


def test_by_hand():
    """(x - 6 / 2) / sqrt(8 / 2 + 0) = (7 - 3) / 2."""
    weights = {name: np.array([v], np.float32) for name, v in (("mean", 6), ("variance", 8), ("scale_factor", 2))}
    (top,) = compute(BatchNorm(eps=0.0), [np.array([[7]], np.float32)], weights)
    assert top == 2


def test_no_statistics_yet():
    """A scale_factor of 0 means that nothing was counted: mean and variance are 0, not a division by 0."""
    weights = {"mean": np.ones(1, np.float32), "variance": np.ones(1, np.float32), "scale_factor": np.zeros(1, "f4")}
    (top,) = compute(BatchNorm(eps=0.25), [np.array([[3]], np.float32)], weights)
    assert abs(top.item() - 6) <= 6 * EPS


def test_one_axis_has_one_channel():
    assert BatchNorm().weight_shapes([Blob((5,))]) == {"mean": (1,), "variance": (1,), "scale_factor": (1,)}
    weights = {"mean": np.ones(1, "f4"), "variance": np.ones(1, "f4") * 4, "scale_factor": np.ones(1, "f4")}
    (top,) = compute(BatchNorm(eps=0.0), [np.arange(5, dtype=np.float32)], weights)
    np.testing.assert_array_equal(top, np.array([-0.5, 0, 0.5, 1, 1.5], np.float32))


def test_one_axis_has_one_scale():
    weights = {
        name: np.full(1, value, np.float32) for name, value in (("mean", 1), ("variance", 4), ("scale_factor", 1))
    }
    weights |= {"scale": np.full(1, 6, np.float32), "bias": np.full(1, 0.5, np.float32)}
    (top,) = compute(BatchNorm(eps=0.0, scale_bias=True), [np.arange(3, dtype=np.float32)], weights)
    assert top.tolist() == [-2.5, 0.5, 3.5]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="axis 0"):
        BatchNorm().infer([Blob(())], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        BatchNorm().infer([Blob((1, 2))] * 2, 1)


@pytest.mark.parametrize("fields", [{"use_global_stats": True}, {"use_global_stats": False}, {"scale_bias": True}])
def test_channels_are_carried(rng, fields):
    check_carried(BatchNorm(**fields), [normal(rng, 2, 4, 3, 3)], rng)


def test_positions(rng):
    x = normal(rng, 2, 3, 7, 5)
    check_positions(BatchNorm(), [x], rng)
    check_positions(BatchNorm(scale_bias=True, use_global_stats=False), [x], rng)
    check_needs_every_position(BatchNorm(use_global_stats=False), [Blob(x.shape)])


@pytest.mark.parametrize("scale_bias", [False, True])
def test_weight_channels(rng, scale_bias):
    for shape in ((3, 4, 2, 2), (3, 4)):
        check_weight_channels(BatchNorm(scale_bias=scale_bias), [normal(rng, *shape)], rng)


def test_five_weights_are_nvidias():
    assert BatchNorm(eps=0.5).params_for(5) == BatchNorm(eps=0.5, scale_bias=True)
    assert all(BatchNorm(scale_bias=True).params_for(count) is None for count in (0, 2, 3, 4))


@pytest.mark.parametrize("scale_bias", [False, True])
def test_eps_may_be_added_to_the_deviation(rng, scale_bias):
    params = BatchNorm(eps=0.1, add_eps_before_sqrt=False, scale_bias=scale_bias)
    x = normal(rng, 2, 3, 4, 5)
    weights = weights_for(params, [x], rng)
    mean, variance = weights["mean"] / weights["scale_factor"], weights["variance"] / weights["scale_factor"]
    expected = (x - mean[:, None, None]) / (np.sqrt(variance) + 0.1)[:, None, None]
    if scale_bias:
        expected = expected * weights["scale"][:, None, None] + weights["bias"][:, None, None]
    check_layer(params, [x], expected.astype(np.float32), weights=weights, magnitude=16)


def test_eps_beside_a_deviation_of_the_batch_is_refused():
    with pytest.raises(UnsupportedError, match="add_eps_before_sqrt: false together with"):
        BatchNorm(use_global_stats=False, add_eps_before_sqrt=False).infer([Blob((2, 3, 4, 5))], 1)
