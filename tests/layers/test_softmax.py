"""Softmax against PyTorch, ONNX Runtime and OpenCV over axes."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_fixed, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.softmax import Softmax


@pytest.mark.parametrize(("shape", "axis"), [((2, 10), 1), ((2, 5, 3, 4), 1), ((2, 5, 3, 4), -1), ((2, 5, 3, 4), 2)])
def test_reference(rng, shape, axis):
    x = 3 * normal(rng, *shape)
    params = Softmax(axis=axis)
    # A sum of n positive terms errs by up to n roundings, and x - max by one of |x| + max, at most 32 here.
    bound = {"roundings": shape[axis] + 32 + FEW}
    check_layer(params, [x], torch.softmax(torch.from_numpy(x).double(), axis).numpy(), **bound)
    check_layer(params, [x], run_onnx("Softmax", [x], axis=axis), **bound)
    check_layer(params, [x], run_opencv(params, [x]), **bound)


def test_large_values_do_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        (top,) = compute(Softmax(), [np.array([[1e30, 1e30, -1e30]], np.float32)])
    np.testing.assert_array_equal(top, np.array([[0.5, 0.5, 0]], np.float32))


@pytest.mark.parametrize("axis", [2, -3])
def test_what_does_not_fit_is_refused(axis):
    with pytest.raises(ShapeError, match=f"axis {axis}"):
        Softmax(axis=axis).infer([Blob((2, 3))], 1)


def test_along_the_channels_they_are_fixed(rng):
    check_fixed(Softmax(), [normal(rng, 2, 4, 3, 3)], rng)
    check_fixed(Softmax(axis=-1), [normal(rng, 2, 4)], rng)


@pytest.mark.parametrize("axis", [2, 3, 0])
def test_along_another_axis_channels_are_carried(rng, axis):
    check_carried(Softmax(axis=axis), [normal(rng, 2, 4, 3, 3)], rng)
