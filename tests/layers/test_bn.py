"""BN, as PSPNet and as SegNet have it, against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import (
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
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.bn import BN

MERGED = BN(affine_only=True, bn_mode="INFERENCE")
BY_BATCH = BN(affine_only=True)
SHAPES = [(2, 3, 5, 7), (4, 3), (2, 3, 5), (1, 1, 1, 1)]


def _tensors(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def _spread(array, x):
    return np.abs(array).reshape(1, -1, *(1,) * (x.ndim - 2))


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize("shape", SHAPES)
def test_kept_statistics(rng, shape, eps):
    params = BN(eps=eps)
    assert not params.batch_statistics
    x = normal(rng, *shape)
    weights = weights_for(params, [x], rng)
    assert list(weights) == ["scale", "shift", "mean", "variance"]
    scale, shift, mean, variance = weights.values()
    # x - mean cancels, and so may the sum with the shift: their errors are relative to the magnitudes.
    factor = _spread(scale / np.sqrt(variance + eps), x)
    bound = {"weights": weights, "magnitude": (np.abs(x) + _spread(mean, x)) * factor + _spread(shift, x)}
    expected = torch.nn.functional.batch_norm(*_tensors(x, mean, variance, scale, shift), eps=eps)
    check_layer(params, [x], expected.numpy(), **bound)
    operands = [x, scale, shift, mean, variance]
    check_layer(params, [x], run_onnx("BatchNormalization", operands, epsilon=eps), **bound)


@pytest.mark.parametrize("shape", SHAPES)
def test_merged(rng, shape):
    """SegNet's users put the statistics into scale and shift."""
    assert not MERGED.batch_statistics
    x = normal(rng, *shape)
    weights = weights_for(MERGED, [x], rng)
    assert list(weights) == ["scale", "shift"]
    scale, shift = (array.reshape(1, -1, *(1,) * (x.ndim - 2)) for array in weights.values())
    # Product and sum, rounded each or fused; the sum may cancel.
    bound = {"weights": weights, "roundings": 2, "magnitude": np.abs(x * scale) + np.abs(shift)}
    check_layer(MERGED, [x], torch.addcmul(*_tensors(shift, x, scale)).numpy(), **bound)
    zeros, ones = np.zeros(shape[1], np.float32), np.ones(shape[1], np.float32)
    operands = [x, *weights.values(), zeros, ones]
    bound["roundings"] = FEW
    check_layer(MERGED, [x], run_onnx("BatchNormalization", operands, epsilon=0.0), **bound)


@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (6, 2), (2, 3, 9)])
@pytest.mark.parametrize("var_eps", [1e-9, 0.1])
def test_batch_statistics(rng, shape, var_eps):
    params = BN(affine_only=True, bn_mode="LEARN", var_eps=var_eps)
    assert params.batch_statistics
    x = normal(rng, *shape) + 2
    weights = weights_for(params, [x], rng)
    operands = _tensors(weights["scale"], weights["shift"])
    expected = torch.nn.functional.batch_norm(torch.from_numpy(x), None, None, *operands, training=True, eps=var_eps)
    # The mean and the variance of n values err by up to n roundings, and the mean by that much of |x|, at most 7.
    count = x.size // x.shape[1]
    bound = {"roundings": count + FEW, "magnitude": 7 * _spread(weights["scale"], x) + _spread(weights["shift"], x)}
    check_layer(params, [x], expected.numpy(), weights=weights, **bound)


def test_by_hand():
    """(7 - 3) / sqrt(4 + 0) * 5 + 1; 5 * 7 + 1; and -5 + 1 and 5 + 1 of the values 3 and 7."""
    weights = {
        name: np.array([v], np.float32) for name, v in (("scale", 5), ("shift", 1), ("mean", 3), ("variance", 4))
    }
    x = np.array([[3], [7]], np.float32)
    assert compute(BN(eps=0.0), [x], weights)[0].tolist() == [[1], [11]]
    del weights["mean"], weights["variance"]
    assert compute(MERGED, [x], weights)[0].tolist() == [[16], [36]]
    (top,) = compute(BY_BATCH, [x], weights)
    np.testing.assert_allclose(top, [[-4], [6]], rtol=1e-6)


def test_limits():
    """A variance of 0 leaves eps; the batch's own leaves the shift of what does not vary."""
    one = np.ones(1, np.float32)
    x = np.array([[1], [3], [np.inf], [-np.inf], [np.nan]], np.float32)
    (top,) = compute(BN(eps=0.25), [x], {"scale": one, "shift": one, "mean": one, "variance": 0 * one})
    np.testing.assert_array_equal(top, np.array([[1], [5], [np.inf], [-np.inf], [np.nan]], np.float32))
    (top,) = compute(BY_BATCH, [np.full((3, 1), 1e18, np.float32)], {"scale": 9 * one, "shift": 2 * one})
    assert top.ravel().tolist() == [2, 2, 2]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="axis 1"):
        BN().infer([Blob((4,))], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        BN().infer([Blob((1, 2))] * 2, 1)


@pytest.mark.parametrize("params", [BN(), MERGED, BY_BATCH])
def test_channels_are_carried(rng, params):
    check_carried(params, [normal(rng, 2, 4, 3, 3)], rng)


def test_positions(rng):
    x = normal(rng, 2, 3, 7, 5)
    for params in (BN(), MERGED):
        check_positions(params, [x], rng)
    check_needs_every_position(BY_BATCH, [Blob(x.shape)])


@pytest.mark.parametrize("params", [BN(), MERGED, BY_BATCH])
def test_weight_channels(rng, params):
    for shape in ((3, 4, 2, 2), (3, 4)):
        check_weight_channels(params, [normal(rng, *shape)], rng)


def test_the_number_of_weights_tells_the_fork():
    assert (BN(eps=0.5).params_for(2), BY_BATCH.params_for(4)) == (BN(eps=0.5, affine_only=True), BN())
    assert MERGED.params_for(2) == MERGED
    assert all(BN().params_for(count) is None for count in (0, 1, 3, 5))
