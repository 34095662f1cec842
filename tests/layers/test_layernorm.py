"""LayerNorm against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import check_fixed, check_layer, compute, normal, run_onnx, weights_for
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.layernorm import LayerNorm


@pytest.mark.parametrize(("shape", "axis"), [((2, 7), 1), ((2, 5, 8), -1), ((2, 3, 4, 5), 2), ((2, 3, 4, 5), 1)])
def test_reference(rng, shape, axis):
    x, params = normal(rng, *shape) + 1, LayerNorm(axis=axis, eps=0.01)
    weights = weights_for(params, [x], rng)
    assert weights["scale"].shape == weights["bias"].shape == shape[axis:]
    # A difference may cancel: its error is that of the mean, below 2; with the factor, below 4, all is below 16.
    bound = {"weights": weights, "magnitude": 16}
    operands = [torch.from_numpy(each).double() for each in (x, weights["scale"], weights["bias"])]
    expected = torch.nn.functional.layer_norm(operands[0], shape[axis:], *operands[1:], eps=0.01)
    check_layer(params, [x], expected.numpy(), **bound)
    given = [x, weights["scale"], weights["bias"]]
    check_layer(params, [x], run_onnx("LayerNormalization", given, axis=axis, epsilon=0.01), **bound)


def test_by_hand():
    weights = {"scale": np.array([1, 2], np.float32), "bias": np.array([0, 10], np.float32)}
    (top,) = compute(LayerNorm(eps=3.0), [np.array([[[1, 3], [5, 5]]], np.float32)], weights)
    assert top.tolist() == [[[-0.5, 11], [0, 10]]]


def test_images_and_refusals():
    assert LayerNorm(axis=0).joins_images([Blob((2, 3))])
    assert not LayerNorm().joins_images([Blob((2, 3))])
    with pytest.raises(ShapeError, match="axis 2"):
        LayerNorm(axis=2).infer([Blob((2, 3))], 1)


def test_channels_are_fixed(rng):
    x = normal(rng, 2, 4, 3)
    check_fixed(LayerNorm(axis=1), [x], rng, weights_for(LayerNorm(axis=1), [x], rng))
