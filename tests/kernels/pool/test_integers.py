"""Maxima and averages of 8-bit integers: the references' bits, on all targets and in both schedules."""

import numpy as np
import pytest

from tests.kernels.integers import bytes_net, check_bits, random_feed, reading_net
from xdn.element import S8, U8
from xdn.graph import Quantized

WINDOWS = (
    {"kernel_size": 2, "stride": 2},
    {"kernel_size": 3, "stride": 2, "pad": 1},
    {"kernel_h": 1, "kernel_w": 3, "stride": 1, "pad_w": 1, "pad_h": 0},
    {"kernel_size": 3, "stride": 2, "round_mode": "FLOOR"},
    {"global_pooling": True},
)
#: Channels that end with each part of a word; more vectors of bytes than are folded at a time.
IMAGES = ((5, 6, 5), (2, 4, 4), (67, 3, 4), (36, 5, 6), (131, 4, 3))


@pytest.mark.parametrize("element", [U8, S8], ids=lambda element: element.name)
@pytest.mark.parametrize("image", IMAGES)
def test_maximum(image, element, rng, monkeypatch):
    for params in WINDOWS:
        net = bytes_net("Pooling", image, element=element, **params)
        check_bits(net, random_feed(net, rng), monkeypatch)


def test_average_of_one_element_hands_it_on(rng, monkeypatch):
    net = bytes_net("Pooling", (5, 5, 3), element=S8, pool="AVE", kernel_size=1, stride=2)
    check_bits(net, random_feed(net, rng), monkeypatch)


@pytest.mark.parametrize("stored", [None, Quantized(0.03), Quantized(0.4, signed=True)], ids=str)
@pytest.mark.parametrize("read", [Quantized(0.0213), Quantized(0.5, signed=True)], ids=str)
@pytest.mark.parametrize("image", IMAGES)
def test_average(image, read, stored, rng, monkeypatch):
    for params in WINDOWS:
        net = reading_net("Pooling", image, read=[read], stored=stored, pool="AVE", **params)
        check_bits(net, random_feed(net, rng), monkeypatch)


def test_volumes(rng, monkeypatch):
    window = {"kernel_size": (2, 2, 2), "stride": (2, 2, 2)}
    for net in (
        bytes_net("Pooling", (5, 3, 4, 2), element=U8, **window),
        reading_net("Pooling", (5, 3, 4, 2), read=[Quantized(0.1)], pool="AVE", **window),
    ):
        check_bits(net, random_feed(net, rng), monkeypatch)


def test_sums_of_the_largest_integers(monkeypatch):
    net = reading_net("Pooling", (4, 19, 17), read=[Quantized(1.0)], pool="AVE", global_pooling=True)
    check_bits(net, {"x0": np.full((2, 4, 19, 17), 255, np.uint8)}, monkeypatch)
