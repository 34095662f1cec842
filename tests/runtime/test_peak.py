"""The measured peak: a number that can be divided by."""

from math import isfinite

import pytest

from xdn import settings
from xdn.runtime.peak import measured_bandwidth, measured_peak


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_bandwidth_is_positive_and_finite(threads, monkeypatch):
    monkeypatch.setattr(settings, "BANDWIDTH_BYTES", 4 << 20)
    bandwidth = measured_bandwidth(threads)
    # No memory takes a microsecond for a byte, none gives a hundred terabytes a second.
    assert isfinite(bandwidth)
    assert 1e-3 < bandwidth < 1e5


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_peak_is_positive_and_finite(threads):
    peak = measured_peak(threads)
    # No processor needs a millisecond for one multiply-add, none does a hundred thousand a nanosecond.
    assert isfinite(peak)
    assert 1e-6 < peak < 1e5
