"""SignedSqrt against ONNX Runtime, and its limits."""

import numpy as np

from tests.layers.oracles import check_carried, check_layer, compute, normal, run_onnx
from xdn.layers.signedsqrt import SignedSqrt


def test_reference(rng):
    x = 3 * normal(rng, 2, 3, 5, 7)
    check_layer(SignedSqrt(), [x], np.sign(x) * run_onnx("Sqrt", [np.abs(x)]), roundings=2)
    check_carried(SignedSqrt(), [normal(rng, 2, 4, 3, 3)], rng)


def test_limits():
    x = np.array([-np.inf, -4, -0.0, 0, 9, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(compute(SignedSqrt(), [x])[0], np.float32([-np.inf, -2, 0, 0, 3, np.inf, np.nan]))
