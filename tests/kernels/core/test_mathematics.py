"""exp, log, power, tanh, erf, sigmoid and elu against f64, in units in the last place (ulp) of f32."""

from functools import cache

import numpy as np
import pytest
from numba import njit
from scipy import special

from tests.kernels.checks import TINY, UNIT
from xdn.codegen import formulas
from xdn.codegen.numba_types import declare
from xdn.kernels.core import mathematics
from xdn.layers.elu import ELU
from xdn.layers.sigmoid import Sigmoid

POINTS = 400_000
INF, NAN = np.inf, np.nan


FORMULAS = {
    "exp": (formulas.exp, 0),
    "log": (formulas.log, 0),
    "power": (formulas.power, 1),
    "tanh": (formulas.tanh, 0),
    "erf": (formulas.erf, 0),
    "sigmoid": (Sigmoid.formula, 0),
    "elu": (ELU.formula, 1),
}


@cache
def _compiled(name):
    function = mathematics.of_element(*FORMULAS[name])
    declare()

    @njit(error_model="numpy")
    def run(x, second, y):
        for i in range(x.size):
            y[i] = function(x[i], second[i], second[i], second[i], second[i])

    return run


def evaluate(name, x, second=0.0):
    """Return the function of every x, f32."""
    x = np.asarray(x, np.float32)
    y = np.empty_like(x)
    _compiled(name)(x, np.ascontiguousarray(np.broadcast_to(np.float32(second), x.shape)), y)
    return y


def ulps(y, expected):
    """Return |y - expected| in spacings of f32 at `expected`; below the normal numbers, in the least spacing."""
    spacing = np.spacing(np.maximum(np.abs(expected), TINY).astype(np.float32)).astype(np.float64)
    return np.abs(y - expected) / spacing


def _around(rng, low, high):
    return rng.uniform(low, high, POINTS).astype(np.float32)


def test_exp_over_its_whole_range(rng):
    x = np.concatenate([_around(rng, -87.3365, 88.7228), _around(rng, -1, 1), 10 ** _around(rng, -37, 0)])
    x = np.append(x, [formulas.EXP_MOST, formulas.EXP_LEAST])
    assert ulps(evaluate("exp", x), np.exp(x.astype(np.float64))).max() < 1.5


def test_exp_reaches_the_ends_of_f32():
    most, least = formulas.EXP_MOST, formulas.EXP_LEAST
    assert np.exp(np.float64(most)) < np.finfo(np.float32).max < np.exp(np.float64(np.nextafter(most, np.float32(INF))))
    assert np.exp(np.float64(np.nextafter(least, -np.float32(INF)))) < TINY <= np.exp(np.float64(least))


def test_exp_beyond_its_range():
    x = [88.73, 200, 3e38, INF, -87.4, -200, -3e38, -INF, 0, -0.0]
    np.testing.assert_array_equal(evaluate("exp", x), [INF] * 4 + [0] * 4 + [1, 1])


def test_log_of_positive_numbers(rng):
    x = np.concatenate([np.exp(_around(rng, -87.3, 88.7)), _around(rng, 0.4, 2.5), 1 + _around(rng, -1e-3, 1e-3)])
    x = np.append(x, np.float32([TINY, 1, np.finfo(np.float32).max, 0.70710677, 0.70710683]))
    assert ulps(evaluate("log", x), np.log(x.astype(np.float64))).max() < 1.5


def test_log_at_the_border_of_its_range():
    np.testing.assert_array_equal(evaluate("log", [0, -0.0, 1e-40, INF, -1, -INF, 1]), [-INF] * 3 + [INF, NAN, NAN, 0])


@pytest.mark.parametrize("exponent", [-0.75, -0.5, -1.0, 2.0, 0.3])
def test_power(rng, exponent):
    # A product exponent * log(x) of size p errs by 2 p UNIT at most (log 1 ulp, product half), exp turns that into a
    # relative error and adds 1 ulp.
    x = np.exp(_around(rng, -20, 20))
    exact = x.astype(np.float64) ** np.float64(np.float32(exponent))
    size = np.abs(exponent * np.log(x.astype(np.float64)))
    error = np.abs(evaluate("power", x, exponent) - exact) / exact
    assert (error <= (3 + 3 * size) * UNIT).all()


@pytest.mark.parametrize("exponent", [-0.75, 0.75, 0.0, -0.0])
def test_power_of_extremes(exponent):
    x = np.float32([0, INF, NAN, 1])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(evaluate("power", x, exponent), x ** np.float32(exponent))


def test_tanh(rng):
    x = np.concatenate([_around(rng, -12, 12), _around(rng, -0.7, 0.7), 10 ** _around(rng, -37, 1)])
    # u 1 ulp, the sum half, the quotient half, each up to twice as many ulp where a result lies below a power of two.
    assert ulps(evaluate("tanh", x), np.tanh(x.astype(np.float64))).max() < 3


def test_tanh_is_odd_and_bounded(rng):
    x = _around(rng, 0, 100)
    y = evaluate("tanh", x)
    np.testing.assert_array_equal(evaluate("tanh", -x), -y)
    assert (y <= 1).all()
    np.testing.assert_array_equal(evaluate("tanh", [INF, -INF, NAN, 3e38, 0]), [1, -1, NAN, 1, 0])


def test_erf(rng):
    x = np.concatenate([_around(rng, -5, 5), 10 ** _around(rng, -37, 0), -(10 ** _around(rng, -37, 0))])
    assert ulps(evaluate("erf", x), special.erf(x.astype(np.float64))).max() < 4
    np.testing.assert_array_equal(evaluate("erf", [-INF, -7, -0.0, 7, INF, NAN]), [-1, -1, 0, 1, 1, NAN])


def test_sigmoid(rng):
    x = np.concatenate([_around(rng, -87, 100), _around(rng, -5, 5)])
    # exp 1 ulp, the sum half, the quotient half, each up to twice as many ulp where a result lies below a power of two.
    assert ulps(evaluate("sigmoid", x), 1 / (1 + np.exp(-x.astype(np.float64)))).max() < 3
    np.testing.assert_array_equal(evaluate("sigmoid", [INF, -INF, NAN, 0, 3e38, -3e38]), [1, 0, NAN, 0.5, 1, 0])


def test_elu(rng):
    x = _around(rng, -100, 10)
    exact = np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0).astype(np.float64)))
    # e**x - 1 cancels near zero, as in Caffe: absolute, not relative, errors of numbers up to 1.
    assert (np.abs(evaluate("elu", x, 0.7) - exact) <= 4 * UNIT).all()
    np.testing.assert_array_equal(evaluate("elu", [INF, -INF, NAN], 0.5), [INF, -0.5, NAN])
