"""Exp against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.exp import Exp

FIELDS = [{}, {"base": 2.0}, {"base": 0.5, "scale": 3.0}, {"scale": -0.7, "shift": 2.5}, {"base": 10.0, "shift": -1.0}]


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, fields):
    x = 2 * normal(rng, *shape)
    params = Exp(**fields)
    base = torch.tensor(np.e if params.base == -1 else params.base, dtype=torch.float64)
    exponent = params.shift + params.scale * torch.from_numpy(x).double()
    # A relative error of the exponent's parts, which three roundings make (its factor, the product and the sum), is an
    # absolute one of the exponent, and so a relative one of the power; then exp, at four, and the other factor, at two.
    parts = (np.abs(params.scale * x) + abs(params.shift)) * abs(np.log(base.item()))
    expected = torch.pow(base, exponent).numpy()
    bound = {"roundings": 1, "magnitude": expected * (3 * parts + 6)}
    check_layer(params, [x], expected, **bound)
    # e itself is not an f32: as a base of Pow it would be wrong by 3e-8 of it, times the exponent.
    given = [] if params.base == -1 else [np.full(1, params.base, np.float32)]
    check_layer(params, [x], run_onnx("Pow" if given else "Exp", [*given, exponent.float().numpy()]), **bound)
    check_layer(params, [x], run_opencv(params, [x]), **bound)


def test_limits():
    x = np.array([-np.inf, -1e30, -200, 0, 89, 1e30, np.inf, np.nan], np.float32)
    expected = np.array([0, 0, 0, 1, np.inf, np.inf, np.inf, np.nan], np.float32)
    (top,) = compute(Exp(), [x])
    np.testing.assert_array_equal(top, expected)
    (top,) = compute(Exp(base=0.5, scale=-1e30), [x])
    np.testing.assert_array_equal(top, expected)
    (top,) = compute(Exp(shift=1000.0), [np.zeros(1, np.float32)])
    assert np.isinf(top)


def test_a_base_of_one_gives_one():
    (top,) = compute(Exp(base=1.0, scale=5.0, shift=3.0), [np.array([-3, 0, 2.5], np.float32)])
    assert top.tolist() == [1, 1, 1]


@pytest.mark.parametrize("base", [0.0, -2.0, np.inf, np.nan])
def test_bases_without_a_logarithm_are_refused(base):
    with pytest.raises(ShapeError, match="base"):
        Exp(base=base).infer([Blob((1, 2))], 1)


def test_channels_are_carried(rng):
    check_carried(Exp(base=2.0), [normal(rng, 2, 4, 3, 3)], rng)
