"""The formulas for vectors give the bits of the formulas for scalars; the scalars' errors: test_mathematics.py."""

import numpy as np
import pytest

from tests.codegen.test_arithmetic import compute
from xdn.codegen import formulas
from xdn.layers.function import functions

EXTREMES = [0.0, -0.0, np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-40, 88.73, -87.34, 0.625, -0.625, 1.0, 2.0**-126]
UNARY = ["exp", "log", "log_1p", "tanh", "erf"]
BINARY = ["power"]


def _values(rng):
    normal = rng.standard_normal(300) * np.repeat([1, 10, 1e-3], 100)
    return np.concatenate([EXTREMES, normal, np.exp(rng.uniform(-80, 80, 60))]).astype(np.float32)


def _check_bits(formula, lanes, *operands):
    single, vector = (compute(width, formula, *operands) for width in (0, lanes))
    np.testing.assert_array_equal(np.isnan(vector), np.isnan(single))
    known = ~np.isnan(single)
    np.testing.assert_array_equal(vector[known].view(np.int32), single[known].view(np.int32))


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("name", UNARY + BINARY)
def test_vectors_have_the_bits_of_scalars(name, lanes, rng):
    x = _values(rng)
    _check_bits(getattr(formulas, name), lanes, *((x,) if name in UNARY else (x, np.full_like(x, 0.7))))


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("cls", [cls for cls in functions() if cls.fusable], ids=lambda cls: cls.type)
def test_fused_functions_have_the_bits_of_scalars(cls, lanes, rng):
    x = _values(rng)
    _check_bits(cls.formula, lanes, x, *(np.full_like(x, 0.7) for _ in cls().constants()))


# In f64; the bounds in ulp are those that test_mathematics.py argues and checks over the whole range.
EXACT = {
    "exp": (np.exp, 1.5),
    "tanh": (np.tanh, 3),
}


@pytest.mark.parametrize("name", EXACT)
def test_vectors_against_f64(name, rng):
    exact, most = EXACT[name]
    x = rng.uniform(-80, 80, 2000).astype(np.float32)
    expected = exact(x.astype(np.float64))
    error = np.abs(compute(16, getattr(formulas, name), x) - expected)
    assert (error / np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)).max() < most
