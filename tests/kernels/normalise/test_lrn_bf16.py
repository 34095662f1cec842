"""LRN across channels of bf16: that of f32 of what bf16 stands for, in all kernels."""

import numpy as np
import pytest

from tests.kernels.bf16 import STORED, check, halved, random_feed
from tests.kernels.checks import one_layer_net
from tests.kernels.normalise.test_lrn import ALLOWED
from xdn.element import BF16


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 10, 37, 64])
def test_across_channels(channels, stored, rng, monkeypatch):
    for size in (1, 5, 7):
        net = one_layer_net("LRN", (channels, 3, 2), local_size=size)
        check(net, random_feed(halved(net), rng), monkeypatch, stored, ALLOWED)


@pytest.mark.parametrize("size", [11, 21, 41])
def test_windows_that_reach_beyond_vectors(size, rng, monkeypatch):
    net = one_layer_net("LRN", (50, 2, 1), local_size=size, alpha=0.1)
    check(net, random_feed(halved(net), rng), monkeypatch, STORED[1], ALLOWED)


@pytest.mark.parametrize("params", [{"alpha": 1e-4, "k": 2.0}, {"beta": 0.5}, {"beta": 0.0}, {"alpha": 10.0, "k": 0.5}])
def test_fields(params, rng, monkeypatch):
    net = one_layer_net("LRN", (10, 3, 2), **params)
    check(net, random_feed(halved(net), rng), monkeypatch, None, ALLOWED)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_neighbour_without_bounds(value, rng, monkeypatch):
    net = one_layer_net("LRN", (5, 3, 3), local_size=3)
    feed = random_feed(halved(net), rng)
    feed["x0"][0, 2, 1, 1] = BF16.stored(np.float32([value]))[0]
    check(net, feed, monkeypatch, STORED[1], ALLOWED)
