"""Histograms of streams: what is counted where, in whatever chunks and order values come."""

import numpy as np
import pytest

from xdn.optimize.quantize import histogram
from xdn.optimize.quantize.histogram import BINS, Histogram


def of(*chunks):
    found = Histogram()
    for chunk in chunks:
        found.update(np.asarray(chunk, np.float32))
    return found


def test_bins_by_hand():
    found = of([[0, 0.5, -0.5, 1, 3.999]])
    assert found.width == 4 / BINS
    assert found.zeros == 1
    assert found.used == BINS - 1
    expected = {BINS // 8: 2, BINS // 4: 1, BINS - 2: 1}
    assert {int(place): int(found.counts[place]) for place in np.flatnonzero(found.counts)} == expected


@pytest.mark.parametrize("exponent", [-60, -3, 0, 1, 40])
def test_counts_equal_those_of_all_values_at_once(rng, exponent):
    values = (rng.standard_normal((40, 5, 4)) * 2.0**exponent).astype(np.float32)
    found = of(values)
    edges = np.arange(BINS + 1) * found.width
    assert found.width * BINS / 2 <= np.abs(values).max() < found.width * BINS
    np.testing.assert_array_equal(found.counts, np.histogram(np.abs(values), edges)[0])


@pytest.mark.parametrize("largest_first", [False, True])
def test_chunks_and_order_change_nothing(rng, largest_first):
    """Magnitudes over 60 powers of two, so that bins merge often, and by more than all of them at once."""
    values = (rng.standard_normal((64, 7)) * 2.0 ** rng.uniform(-30, 30, (64, 1))).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = 0
    order = np.argsort(np.abs(values).max(axis=1))
    values = values[order[::-1] if largest_first else order]
    whole = of(values)
    for cuts in ([1, 2, 3], [10, 40], range(1, 64)):
        parted = of(*np.split(values, list(cuts)))
        assert (parted.width, parted.zeros) == (whole.width, whole.zeros)
        np.testing.assert_array_equal(parted.counts, whole.counts)


def test_nothing_but_zeros():
    found = of(np.zeros((3, 4)), np.zeros((1, 4)))
    assert (found.zeros, found.used, found.counts.sum()) == (16, 0, 0)


@pytest.mark.parametrize("value", [1e-45, 3e-39, 3.4e38, -3.4e38])
def test_the_smallest_and_largest_numbers_have_a_bin(value):
    found = of([[value]])
    assert found.counts.sum() == 1
    assert found.used >= 1


def test_large_images_are_sampled_evenly(monkeypatch):
    """Every row and column of an image gets its turn, whatever images are beside it."""
    monkeypatch.setattr(histogram, "VALUES", 60)
    images = np.arange(1, 1 + 2 * 16 * 16, dtype=np.float32).reshape(2, 16, 16)
    taken = histogram._sampled(images).reshape(2, -1)
    assert 30 < taken.shape[1] <= 60
    places = (taken[0].astype(int) - 1) % 256
    assert len(set(places % 16)) == len(set(places // 16)) == 16
    np.testing.assert_array_equal(taken[1] - taken[0], 256)
    np.testing.assert_array_equal(histogram._sampled(images[1:]), taken[1])
