"""Layers that map bf16 element by element: the formula of f32 of what bf16 stands for, in all kernels."""

import numpy as np
import pytest

from tests.kernels.bf16 import IMAGES, PAIRS_TESTED, STORED, check, halved, random_feed, special_feed
from tests.kernels.checks import LAYER_CASES, one_layer_net
from tests.kernels.integers import check_bits, reading_net
from tests.kernels.integers import random_feed as integers_feed
from xdn.graph import Bf16, Quantized
from xdn.kernels.elementwise.affine import AFFINE_TYPES
from xdn.kernels.elementwise.mapped import MOST_BOTTOMS
from xdn.layers import LAYERS
from xdn.layers.function import Activation
from xdn.runtime.session import Session

#: Layer types whose bottoms the kernels of this family read.
TYPES = {
    *AFFINE_TYPES,
    "Axpy",
    "PReLU",
    "Eltwise",
    *(cls.type for _, cls in LAYERS.items() if issubclass(cls, Activation)),
}


def _has_form(case):
    net = case.net()
    layer = net.layers[-1]
    return case.type in TYPES and layer.params.why_no_bf16(net.bottom_blobs(layer)) is None


CASES = [case for case in LAYER_CASES if _has_form(case)]


def test_each_type_has_a_case():
    assert {case.type for case in CASES} == TYPES


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number].id)
def test_as_in_f32(number, rng, monkeypatch):
    # What tops are stored as, in turn: each type has several cases.
    case, stored = CASES[number], STORED[number % 2]
    net = case.net()
    check(net, random_feed(halved(net), rng), monkeypatch, stored, case.allowed)


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("image", IMAGES)
def test_shapes(image, stored, rng, monkeypatch):
    """Exactly, of infinities, NaN and zeros, too."""
    for type_name, images, params in (
        ("Eltwise", [image] * 2, {}),
        ("Eltwise", [image] * 3, {"coeff": (1.0, -0.5, 0.3)}),
        ("Eltwise", [image] * 3, {"operation": "MAX"}),
        ("Eltwise", [image] * 2, {"operation": "PROD"}),
        ("ReLU", [image], {}),
        ("ReLU6", [image], {}),
        ("PReLU", [image], {}),
        ("Bias", [image], {}),
    ):
        net = one_layer_net(type_name, *images, **params)
        check(net, special_feed(halved(net), rng), monkeypatch, stored)


@pytest.mark.parametrize("stored", STORED, ids=str)
@pytest.mark.parametrize("image", IMAGES)
def test_a_number_an_image_and_channel(image, stored, rng, monkeypatch):
    """The same at all positions, in one position or as a blob without any."""
    for type_name in "Scale", "Bias":
        net = one_layer_net(type_name, image, image[:1], axis=0)
        check(net, special_feed(halved(net), rng), monkeypatch, stored)
    for ones in (), (1, 1):
        net = one_layer_net("Axpy", (*image[:1], *ones), image, image)
        check(net, special_feed(halved(net), rng), monkeypatch, stored)


def test_as_many_bottoms_as_there_are(rng, monkeypatch):
    net = one_layer_net("Eltwise", *[IMAGES[0]] * MOST_BOTTOMS)
    check(net, random_feed(halved(net), rng), monkeypatch, Bf16())


def test_more_bottoms_are_added_by_the_reference(rng):
    net = halved(one_layer_net("Eltwise", *[IMAGES[0]] * (MOST_BOTTOMS + 1)))
    feed = random_feed(net, rng, 3)
    (found,) = Session(net).run(None, feed)
    np.testing.assert_array_equal(found, net.with_batch(3).forward(feed)["y0"])


@pytest.mark.parametrize("stored", [Quantized(0.02), Quantized(0.05, signed=True)], ids=str)
def test_tops_of_integers(stored, rng, monkeypatch):
    """Words of four and of two channels meet."""
    for image in IMAGES:
        net = halved(one_layer_net("Eltwise", image, image), stored)
        check_bits(net, random_feed(net, rng), monkeypatch, targets=PAIRS_TESTED)


def test_integers_become_bf16(rng, monkeypatch):
    for image in IMAGES:
        net = reading_net("Eltwise", image, image, read=[Quantized(0.02), Quantized(0.3, signed=True)], stored=Bf16())
        check_bits(net, integers_feed(net, rng), monkeypatch, targets=PAIRS_TESTED)
