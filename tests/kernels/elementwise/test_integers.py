"""Sums, maxima and activations of 8-bit integers: the references' bits, on all targets and in both schedules."""

import numpy as np
import pytest

from tests.kernels.integers import check_bits, random_feed, reading_net
from xdn.graph import Quantized
from xdn.graph.quantized import LEAST_SCALE, MOST_SCALE
from xdn.kernels.elementwise.integers import MOST_BOTTOMS
from xdn.runtime.session import Session

#: As what tops are stored: f32, u8, s8; one scale of which few values, and one of which most, are clipped.
STORED = (None, Quantized(0.05), Quantized(0.9, signed=True), Quantized(0.0013, signed=True))
READ = (Quantized(0.0213), Quantized(0.04, signed=True), Quantized(0.7))
#: Channels that end with each part of a word, and of a vector.
IMAGES = ((5, 3, 2), (64, 2, 1), (33, 1, 1), (2,), (18, 2, 3))


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("image", IMAGES)
def test_sum(image, stored, rng, monkeypatch):
    for read, coeff in (READ[:2], ()), (READ, (1.0, -0.3, 2.5)), (READ[1:2] * 2, ()):
        net = reading_net("Eltwise", *[image] * len(read), read=read, stored=stored, coeff=coeff)
        check_bits(net, random_feed(net, rng), monkeypatch)


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("operation", ["MAX", "PROD"])
def test_maximum_and_product(operation, stored, rng, monkeypatch):
    for read in READ[:2], READ:
        net = reading_net("Eltwise", *[IMAGES[0]] * len(read), read=read, stored=stored, operation=operation)
        check_bits(net, random_feed(net, rng), monkeypatch)


def test_as_many_bottoms_as_there_are(rng, monkeypatch):
    read = [Quantized(0.01 * (i + 1), signed=i % 2 == 1) for i in range(MOST_BOTTOMS)]
    net = reading_net("Eltwise", *[IMAGES[0]] * MOST_BOTTOMS, read=read)
    check_bits(net, random_feed(net, rng), monkeypatch)


def test_more_bottoms_are_added_by_the_reference(rng):
    read = [Quantized(0.01 * (i + 1)) for i in range(MOST_BOTTOMS + 1)]
    net = reading_net("Eltwise", *[IMAGES[0]] * len(read), read=read, stored=Quantized(0.1))
    feed = random_feed(net, rng, 3)
    (found,) = Session(net).run(None, feed)
    np.testing.assert_array_equal(found, net.with_batch(3).forward(feed)["y"])


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize(
    ("type_name", "params"), [("ReLU", {}), ("ReLU", {"negative_slope": -0.3}), ("ReLU6", {}), ("PReLU", {})]
)
def test_activations(type_name, params, stored, rng, monkeypatch):
    for image in IMAGES:
        weights = {"slope": rng.standard_normal(image[0]).astype(np.float32)} if type_name == "PReLU" else {}
        net = reading_net(type_name, image, read=READ[1:2], stored=stored, weights=weights, **params)
        check_bits(net, random_feed(net, rng), monkeypatch)


def test_one_slope_for_all_channels(rng, monkeypatch):
    net = reading_net(
        "PReLU", (5, 2, 3), read=READ[1:2], weights={"slope": np.full((), -0.25, np.float32)}, channel_shared=True
    )
    check_bits(net, random_feed(net, rng), monkeypatch)


@pytest.mark.parametrize("scale", [LEAST_SCALE, 1e30, MOST_SCALE])
def test_extremes_of_scales(scale, rng, monkeypatch):
    """Values that are infinite, or far beyond what integers hold."""
    for stored in None, Quantized(1.0, signed=True), Quantized(2.0**120), Quantized(LEAST_SCALE, signed=True):
        read = Quantized(scale), Quantized(scale, signed=True)
        net = reading_net("Eltwise", *[(3, 2, 2)] * 2, read=read, stored=stored)
        with np.errstate(over="ignore", invalid="ignore"):
            check_bits(net, random_feed(net, rng), monkeypatch)
