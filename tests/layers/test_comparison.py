"""Comparison against NumPy's operators and ONNX Runtime."""

import operator

import numpy as np
import pytest
from onnx import TensorProto

from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from xdn.layers.comparison import Comparison

#: Operation -> Python's, and ONNX's operator.
OPERATIONS = {
    "EQUAL": (operator.eq, "Equal"),
    "LESS": (operator.lt, "Less"),
    "LESS_OR_EQUAL": (operator.le, "LessOrEqual"),
    "GREATER": (operator.gt, "Greater"),
    "GREATER_OR_EQUAL": (operator.ge, "GreaterOrEqual"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_reference(rng, operation):
    x = normal(rng, 2, 3, 4)
    number = float(x[1, 1, 1])
    params = Comparison(operation, number)
    compared, onnx = OPERATIONS[operation]
    check_layer(params, [x], compared(x, np.float32(number)).astype(np.float32), roundings=0)
    found = run_onnx(onnx, [x, np.full(1, number, np.float32)], returns=TensorProto.BOOL)
    check_layer(params, [x], found.astype(np.float32), roundings=0)


def test_limits():
    x = np.array([-np.inf, -0.0, 0, np.inf, np.nan], np.float32)
    assert compute(Comparison("GREATER_OR_EQUAL"), [x])[0].tolist() == [0, 1, 1, 1, 0]
    assert compute(Comparison("LESS", np.inf), [x])[0].tolist() == [1, 1, 1, 0, 0]


def test_channels_are_carried(rng):
    check_carried(Comparison("LESS"), [normal(rng, 2, 4, 3, 3)], rng)
