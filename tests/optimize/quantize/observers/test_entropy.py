"""entropy, against the definition with SciPy's entropy."""

import numpy as np
import pytest
from scipy.stats import entropy

from tests.optimize.quantize.test_observer import observed
from xdn.optimize.quantize.observers.entropy import STEP, divergence


def plain(counts, bins, levels):
    """Return the divergence of the definition, level by level."""
    p = np.array(counts[:bins], float)
    q = np.zeros(bins)
    for level in range(levels):
        own = [i for i in range(bins) if i * levels // bins == level and counts[i]]
        for i in own:
            q[i] = sum(counts[j] for j in own) / len(own)
    if not q.any():
        return float("inf")
    p[max(i for i in range(bins) if counts[i])] += sum(counts[bins:])
    return entropy(p, q)


def test_by_hand():
    # Two levels of two bins: (4 + 2) / 2 = 3 in each, and 1 in the only one that is not empty; 2 lie outside.
    p, q = np.array([4, 2, 1 + 2]) / 9, np.array([3, 3, 1]) / 7
    assert divergence(np.array([4.0, 2, 1, 0]), 2.0, 2) == pytest.approx((p * np.log(p / q)).sum())
    # As many levels as bins lose nothing.
    assert divergence(np.array([4.0, 2, 1, 5]), 0.0, 4) == 0
    assert divergence(np.zeros(4), 3.0, 2) == np.inf


@pytest.mark.parametrize(("levels", "bins"), [(8, 8), (8, 9), (8, 21), (16, 64)])
def test_as_the_definition(rng, levels, bins):
    counts = rng.poisson(3, 64).astype(float)
    assert divergence(counts[:bins], counts[bins:].sum(), levels) == pytest.approx(plain(counts, bins, levels))


@pytest.mark.parametrize("signed", [False, True])
def test_the_range_is_that_of_the_least_divergence(rng, signed):
    values = np.abs(rng.laplace(size=(50, 400))).astype(np.float32)
    found = observed("entropy", -values if signed else values)
    counts, levels = found.histogram.counts, found.levels + 1
    tried = [*range(levels, found.histogram.used, 64 * STEP), found.histogram.used]
    least = min(plain(counts.tolist(), bins, levels) for bins in tried)
    chosen = round(found.reach() / found.histogram.width)
    assert plain(counts.tolist(), chosen, levels) <= least


def test_rare_values_far_out_are_clipped(rng):
    values = np.abs(rng.standard_normal((50, 2000)))
    values[3, 5] = 40.0
    assert observed("entropy", values).reach() < 20
