"""Tables of 256 results: the references' bits, on all targets, in every way of looking up, and in both schedules."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.integers import TARGETS_TESTED, check_bits, reading_net
from xdn.codegen.target import cpu_features, lookups_of
from xdn.graph import Quantized
from xdn.layers import LAYERS
from xdn.layers.function import tabled

#: The same targets, with each of the ways in which they look bytes up.
WAYS = tuple(replace(target, lookup=way) for target in TARGETS_TESTED for way in lookups_of(target, cpu_features()))
READ = (Quantized(0.0213), Quantized(0.04, signed=True), Quantized(3.0, signed=True))
#: As what tops are stored: f32, u8, s8.
STORED = (None, Quantized(0.05), Quantized(0.009, signed=True))
#: Parameters beside the defaults.
GIVEN = {"Power": {"power": -1.0, "shift": 0.5}, "Clip": {"min": -0.5, "max": 1.0}, "Dropout": {"scale_train": False}}


def every_integer(net, channels, positions, batch):
    """Return images that hold all integers, and differ."""
    element = net.inputs["x0"].element.numpy
    numbers = np.arange(batch * channels * positions).reshape(batch, channels, positions, 1) * 7
    return {"x0": (numbers % 256).astype(np.uint8).view(element)}


@pytest.mark.parametrize("name", [cls.type for cls in tabled()])
def test_every_function(name, monkeypatch):
    """Values that are infinite or NaN included, as of the logarithm of 0."""
    for read in READ:
        for stored in STORED:
            net = reading_net(name, (5, 30, 1), read=[read], stored=stored, **GIVEN.get(name, {}))
            # Every target once, and the best way of one.
            check_bits(net, every_integer(net, 5, 30, 5), monkeypatch, targets=WAYS[:1] if stored else WAYS[-1:])


@pytest.mark.parametrize("way", WAYS, ids=lambda target: f"{target.name}-{target.lookup}")
@pytest.mark.parametrize("stored", STORED, ids=str)
def test_every_way(way, stored, monkeypatch):
    """Channels that end with each part of a word, and of a vector; whole blocks and a tail."""
    for image in (5, 3, 1), (64, 2, 1), (33, 1, 1), (2, 40, 1):
        net = reading_net("HSwish", image, read=[READ[1]], stored=stored)
        check_bits(net, every_integer(net, *image[:2], 33), monkeypatch, targets=[way])


def test_a_table_is_rounded_once():
    """The f64 result of each value, as f32; each byte has its own."""
    table = LAYERS["Swish"]().results(Quantized(0.1, signed=True))
    values = np.float32(0.1) * np.arange(256).astype(np.uint8).view(np.int8).astype(np.float32)
    exact = values.astype(np.float64) / (1 + np.exp(-values.astype(np.float64)))
    np.testing.assert_array_equal(table, exact.astype(np.float32))
    assert table.dtype == np.float32
