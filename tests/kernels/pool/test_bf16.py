"""Maxima and averages of bf16: those of f32 of what bf16 stands for, in all kernels."""

import numpy as np
import pytest

from tests.kernels.bf16 import PAIRS_TESTED, STORED, check, halved, random_feed, special_feed
from tests.kernels.checks import exact, one_layer_net, sums
from tests.kernels.integers import bytes_net, check_bits
from tests.kernels.pool.test_integers import IMAGES, WINDOWS
from xdn.element import BF16
from xdn.graph import Quantized

VOLUME = {"kernel_size": (2, 2, 2), "stride": (2, 2, 2)}


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("image", IMAGES)
def test_average(image, stored, rng, monkeypatch):
    for params in WINDOWS:
        net = one_layer_net("Pooling", image, pool="AVE", **params)
        check(net, random_feed(halved(net), rng), monkeypatch, stored, sums)


@pytest.mark.parametrize("image", IMAGES)
def test_maximum_hands_bf16_on(image, rng, monkeypatch):
    """Infinities are maxima, and NaN is passed over; a window of nothing else gives what all are larger than."""
    for params in WINDOWS:
        net = bytes_net("Pooling", image, element=BF16, **params)
        feed = special_feed(net, rng)
        feed["x0"][:2] = BF16.stored(np.array([np.nan, -np.inf], np.float32)).reshape(2, *[1] * len(image))
        check_bits(net, feed, monkeypatch, targets=PAIRS_TESTED)


def test_average_of_one_element_hands_it_on(rng, monkeypatch):
    net = bytes_net("Pooling", (5, 5, 3), element=BF16, pool="AVE", kernel_size=1, stride=2)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=PAIRS_TESTED)


def test_volumes(rng, monkeypatch):
    net = one_layer_net("Pooling", (5, 3, 4, 2), pool="AVE", **VOLUME)
    check(net, random_feed(halved(net), rng), monkeypatch, STORED[1], sums)
    net = bytes_net("Pooling", (5, 3, 4, 2), element=BF16, **VOLUME)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=PAIRS_TESTED)


def test_infinities_and_nan_are_summed(monkeypatch):
    net = one_layer_net("Pooling", (3, 2, 2), pool="AVE", kernel_size=2)
    values = np.array([[np.inf, 1, 2, 3], [np.inf, -np.inf, 0, 0], [np.nan, 1, 1, 1]], np.float32)
    feed = {"x0": BF16.stored(np.tile(values.reshape(1, 3, 2, 2), (5, 1, 1, 1)))}
    for stored in STORED:
        check(net, feed, monkeypatch, stored, exact)


@pytest.mark.parametrize("stored", [Quantized(0.02), Quantized(0.05, signed=True)], ids=str)
def test_tops_of_integers(stored, rng, monkeypatch):
    """Of windows of two values, whose sum is the same in any order."""
    for image in IMAGES:
        net = halved(one_layer_net("Pooling", image, pool="AVE", kernel_h=1, kernel_w=2), stored)
        check_bits(net, random_feed(net, rng), monkeypatch, targets=PAIRS_TESTED)
