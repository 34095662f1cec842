"""Log against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.log import Log

FIELDS = [{}, {"base": 2.0}, {"base": 0.5, "scale": 3.0}, {"scale": 0.7, "shift": 2.5}, {"base": 10.0, "shift": 1.0}]


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, fields):
    x = np.abs(normal(rng, *shape))
    params = Log(**fields)
    argument = params.shift + params.scale * torch.from_numpy(x).double()
    base_log = 1 if params.base == -1 else np.log(params.base)
    expected = (torch.log(argument) / base_log).numpy()
    # The argument is a sum of positive numbers: its relative error is an absolute one of the logarithm.
    bound = {"roundings": FEW, "magnitude": np.abs(expected) + abs(1 / base_log)}
    check_layer(params, [x], expected, **bound)
    if not fields:  # OpenCV's importer of Log knows no other
        check_layer(params, [x], run_onnx("Log", [x]), **bound)
        check_layer(params, [x], run_opencv(params, [x]), **bound)


def test_limits():
    x = np.array([-np.inf, -1, -0.0, 0, 1, np.inf, np.nan], np.float32)
    (top,) = compute(Log(), [x])
    np.testing.assert_array_equal(top, np.array([np.nan, np.nan, -np.inf, -np.inf, 0, np.inf, np.nan], np.float32))
    (top,) = compute(Log(base=0.5, scale=-2.0, shift=4.0), [np.array([0, 2, 3, -np.inf], np.float32)])
    np.testing.assert_array_equal(top, np.array([-2, np.inf, np.nan, -np.inf], np.float32))


@pytest.mark.parametrize("base", [0.0, -2.0, np.inf, np.nan, 1.0])
def test_bases_without_a_logarithm_are_refused(base):
    with pytest.raises(ShapeError, match="base"):
        Log(base=base).infer([Blob((1, 2))], 1)


def test_channels_are_carried(rng):
    x = np.abs(normal(rng, 2, 4, 3, 3))
    check_carried(Log(shift=20.0), [x], rng)
