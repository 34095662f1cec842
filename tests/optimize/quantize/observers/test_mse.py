"""mse, against errors of the values themselves, and an integral by SciPy."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from tests.optimize.quantize.test_observer import observed
from xdn.graph.quantized import Quantized
from xdn.optimize.quantize.observers.mse import _integral


@pytest.mark.parametrize("upper", [0.3, 0.5, 1.0, 2.75, 4.0, 6.25])
def test_the_integral_is_that_of_the_squared_error(upper):
    def error(u):
        return (u - min(np.floor(u + 0.5), 4)) ** 2

    expected, _ = quad(error, 0, upper, points=np.arange(0.5, upper, 0.5), limit=200)
    assert _integral(np.array([upper]), 4)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("signed", "outlier"), [(False, 1), (True, 1), (False, 30), (True, 300)])
def test_as_the_values_themselves(rng, signed, outlier):
    """Rare values far out are clipped, and the range is as good as the best that a search over all values finds."""
    values = rng.standard_normal((50, 2000)).astype(np.float32)
    values = values if signed else np.abs(values)
    values[0, 0] *= outlier
    found = observed("mse", values)

    def error(reach):
        quantized = Quantized(float(np.float32(reach / found.levels)), signed)
        difference = quantized.values(quantized.stored(values)).astype(np.float64) - values
        return np.square(difference).sum()

    best = minimize_scalar(error, bounds=(1, found.most), method="bounded").fun
    assert error(found.reach()) <= 1.02 * min(best, *(error(r) for r in np.linspace(1, found.most, 100)))
    # By the histogram as by the values: values are spread over a bin about evenly, and few are clipped to -128.
    assert found.error(3.0) == pytest.approx(error(3.0), rel=0.05)
