"""Scales of least loss against the minimum over all integers there are, by brute force."""

from itertools import product

import numpy as np
import pytest
import torch

from xdn.graph.quantized import weight_range
from xdn.train.loss_aware import least_loss_scales

#: Weights of a filter; scales that are begun with.
COUNT, BEGINNINGS = 4, 100


def integers(bits):
    """Return (M, COUNT), all that a filter can have."""
    low, high = weight_range(bits)
    each = (low, high) if bits == 1 else range(low, high + 1)
    return np.array(list(product(each, repeat=COUNT)), np.float64)


def loss(w, d, s, q):
    """Return the sum (...) over filters (..., n) of which scales are to make the least."""
    return (d * (w - s * q) ** 2).sum(-1)


def least(w, d, bits):
    """Return the least loss there is, over all integers and positive scales."""
    q = integers(bits)
    squares = (d * q * q).sum(1)
    s = np.divide((d * w * q).sum(1), squares, out=np.zeros(len(q)), where=squares > 0)
    return loss(w, d, np.maximum(s, 0)[:, None], q).min()


def nearest(w, s, bits):
    """Return the integers that weights are rounded to by a scale."""
    return np.where(w >= 0, 1, -1) if bits == 1 else np.clip(np.rint(w / s), *weight_range(bits))


def found(w, d, s, bits):
    """Return the scales of filters (K, COUNT), in f64."""
    return least_loss_scales(*(torch.tensor(each) for each in (w, d, s)), bits).numpy()


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_the_best_of_some_beginnings_is_the_least_loss_there_is(bits, rng):
    for _ in range(10):
        w, d = rng.standard_normal(COUNT), rng.uniform(0.01, 1, COUNT)
        begun = np.abs(w).max() / np.linspace(0.4, 0.6 - weight_range(bits)[0], BEGINNINGS)
        scales = found(np.tile(w, (BEGINNINGS, 1)), np.tile(d, (BEGINNINGS, 1)), begun, bits)
        losses = [loss(w, d, s, nearest(w, s, bits)) for s in scales]
        assert min(losses) == pytest.approx(least(w, d, bits), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_loss_never_grows(bits, rng):
    w, d, begun = rng.standard_normal((50, 9)), rng.uniform(0.01, 1, (50, 9)), rng.uniform(0.01, 1, 50)
    scales = found(w, d, begun, bits)
    before, after = (loss(w, d, s, nearest(w, s, bits)) for s in (begun[:, None], scales[:, None]))
    assert (after <= before * (1 + 1e-9)).all()
    assert (after < before).any()


def test_of_one_bit_it_is_the_weighted_mean_of_magnitudes(rng):
    w, d = rng.standard_normal((3, 9)), rng.uniform(0.01, 1, (3, 9))
    expected = (d * np.abs(w)).sum(1) / d.sum(1)
    np.testing.assert_allclose(found(w, d, np.ones(3), 1), expected, rtol=1e-12)


def test_filters_of_zeros_keep_their_scales():
    zeros, ones = np.zeros((2, 3)), np.ones((2, 3))
    for bits in (1, 4):
        scales = found(zeros, ones, np.array([0.5, 2.0]), bits)
        np.testing.assert_array_equal(scales, [0.5, 2.0])
