"""Numbers of channels and of images on 8-bit integers: the references' bits, on all targets and in both schedules."""

import numpy as np
import pytest

from tests.kernels.checks import random_weights
from tests.kernels.integers import check_bits, random_feed, reading_net
from xdn.graph import Quantized

#: As what tops are stored: f32, u8, s8.
STORED = (None, Quantized(0.05), Quantized(0.02, signed=True))
U8, S8, OTHER = Quantized(0.0213), Quantized(0.04, signed=True), Quantized(0.7)
#: Channels that end with each part of a word, and of a vector.
IMAGES = ((5, 3, 2), (64, 2, 1), (33, 1, 1), (2,), (18, 2, 3))


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize(
    ("type_name", "params"),
    [
        ("Scale", {}),
        ("Scale", {"bias_term": True}),
        ("Bias", {}),
        ("BatchNorm", {}),
        ("BatchNorm", {"scale_bias": True}),
        ("BN", {}),
        ("BN", {"affine_only": True, "bn_mode": "INFERENCE"}),
    ],
)
def test_a_number_a_channel(type_name, params, stored, rng, monkeypatch):
    for image in IMAGES:
        net = random_weights(reading_net(type_name, image, read=[S8], stored=stored, **params), rng)
        check_bits(net, random_feed(net, rng), monkeypatch)


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("image", IMAGES)
def test_a_number_an_image_and_channel(image, stored, rng, monkeypatch):
    for type_name in "Scale", "Bias":
        net = reading_net(type_name, image, image[:1], read=[S8, U8], stored=stored, axis=0)
        check_bits(net, random_feed(net, rng), monkeypatch)
    for ones in (), (1, 1):
        net = reading_net("Axpy", (*image[:1], *ones), image, image, read=[U8, S8, OTHER], stored=stored)
        check_bits(net, random_feed(net, rng), monkeypatch)


def test_a_deviation_of_zero(rng, monkeypatch):
    """Infinities and NaN as integers: the largest ones, and 0."""
    weights = {name: np.zeros(5, np.float32) for name in ("mean", "variance")} | {
        "scale_factor": np.ones(1, np.float32)
    }
    for stored in STORED:
        net = reading_net("BatchNorm", (5, 3, 2), read=[S8], stored=stored, weights=weights, eps=0.0)
        with np.errstate(all="ignore"):
            check_bits(net, random_feed(net, rng), monkeypatch)
