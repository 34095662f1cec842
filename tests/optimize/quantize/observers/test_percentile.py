"""percentile, against NumPy's."""

import numpy as np
import pytest

from tests.optimize.quantize.test_observer import observed
from xdn.optimize.quantize.observers import percentile


@pytest.mark.parametrize("share", [0.5, 0.99, 0.9999])
@pytest.mark.parametrize("signed", [False, True])
def test_as_numpy(rng, share, signed, monkeypatch):
    monkeypatch.setattr(percentile, "SHARE", share)
    values = rng.exponential(1.0, (100, 1000)).astype(np.float32)
    values[:, ::3] = 0
    values[:, 1::3] *= -1 if signed else 1
    found = observed("percentile", values)
    expected = np.percentile(np.abs(values[values != 0]), 100 * share)
    # A bin, and the gap between two values in the thin tail.
    assert found.reach() == pytest.approx(expected, abs=2 * found.histogram.width + (0.2 if share > 0.999 else 0))


def test_one_outlier_of_many_is_clipped(rng):
    values = rng.uniform(0.5, 1, (100, 1000))
    values[50, 5] = 100.0
    assert observed("percentile", values).reach() < 1.1
