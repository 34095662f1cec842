"""LRN against its formula in f64, PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_fixed, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.lrn import LRN

#: OpenCV states a relative error of 7e-6 for its exp, on which its pow rests: in units of EPS.
OPENCV_POW = 59


@pytest.mark.parametrize("channels", [1, 2, 4, 11])
@pytest.mark.parametrize(
    "fields", [{}, {"local_size": 3, "alpha": 1e-4, "k": 2.0}, {"local_size": 1, "beta": 0.5}, {"local_size": 9}]
)
def test_across_channels(rng, channels, fields):
    params = LRN(**fields)
    x = 2 * normal(rng, 2, channels, 3, 4)
    # n positive terms, and a power no steeper than 1 of them.
    bound = {"roundings": params.local_size + FEW}
    size, alpha, beta, k = params.local_size, params.alpha, params.beta, params.k
    expected = torch.nn.functional.local_response_norm(torch.from_numpy(x).double(), size, alpha, beta, k)
    check_layer(params, [x], expected.numpy(), **bound)
    # ONNX Runtime, as Caffe, adds to and subtracts from a running sum over the channels: it errs by up to two
    # roundings a channel of the largest energy on the way.
    energy = (x / expected.numpy()) ** (1 / beta)
    magnitude = np.abs(expected.numpy()) * energy.max(axis=1, keepdims=True) / energy
    running = {"roundings": 2 * channels + params.local_size + FEW, "magnitude": magnitude}
    check_layer(params, [x], run_onnx("LRN", [x], size=size, alpha=alpha, beta=beta, bias=k), **running)
    if k == 1:  # OpenCV's importer does not read k
        check_layer(params, [x], run_opencv(params, [x]), roundings=params.local_size + OPENCV_POW)


def _within(x, size, alpha, beta):
    """Return the formula, point by point, in f64: the mean over size * size positions, zeros beyond the border."""
    reach = size // 2
    h, w = x.shape[2:]
    y = np.empty(x.shape)
    for i in range(h):
        for j in range(w):
            part = x[:, :, max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1].astype(np.float64)
            energy = 1 + alpha * np.square(part).sum(axis=(2, 3)) / size**2
            y[:, :, i, j] = x[:, :, i, j] * energy**-beta
    return y


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("shape", [(2, 3, 5, 6), (1, 2, 1, 1), (1, 1, 2, 9)])
def test_within_channel(rng, shape, size):
    params = LRN(local_size=size, alpha=0.9, beta=0.6, norm_region="WITHIN_CHANNEL")
    x = 2 * normal(rng, *shape)
    check_layer(params, [x], _within(x, size, 0.9, 0.6), roundings=size**2 + FEW)
    check_layer(params, [x], run_opencv(params, [x]), roundings=size**2 + OPENCV_POW)


def test_within_channel_ignores_k(rng):
    """lrn_layer.cpp sets the shift of the power to 1, and never to k."""
    x = normal(rng, 1, 2, 4, 4)
    expected = compute(LRN(norm_region="WITHIN_CHANNEL"), [x])
    check_layer(LRN(norm_region="WITHIN_CHANNEL", k=5.0), [x], expected, roundings=0)


@pytest.mark.parametrize("size", [0, 2, 4])
def test_the_size_must_be_odd(size):
    with pytest.raises(ShapeError, match="odd"):
        LRN(local_size=size).infer([Blob((1, 2, 3, 4))], 1)


def test_takes_images():
    with pytest.raises(ShapeError, match="4 axes"):
        LRN().infer([Blob((1, 2))], 1)


def test_a_huge_size_costs_nothing(rng):
    x = normal(rng, 1, 3, 2, 2)
    size = (1 << 31) - 1
    check_layer(LRN(local_size=size, alpha=1e-9), [x], x, roundings=4)
    with pytest.raises(ShapeError, match="bounds"):
        LRN(local_size=size, norm_region="WITHIN_CHANNEL").infer([Blob(x.shape)], 1)


def test_across_channels_they_are_fixed(rng):
    check_fixed(LRN(), [normal(rng, 2, 4, 3, 3)], rng)


def test_within_channel_they_are_carried(rng):
    check_carried(LRN(norm_region="WITHIN_CHANNEL"), [normal(rng, 2, 4, 3, 3)], rng)
