"""Depthwise convolutions of 8-bit integers: the references' bits, on all targets and in both schedules."""

import itertools

import numpy as np
import pytest

from tests.kernels.checks import make_params, with_cache
from tests.kernels.integers import WAYS_TESTED, check_bits, random_feed, reading_net, with_residual
from xdn.graph import Epilogue, Layer, Net, Quantized
from xdn.layers import LAYERS
from xdn.runtime.session import Session

U8_READ, S8_READ = Quantized(0.0213), Quantized(0.04, signed=True)
STORED = (None, Quantized(0.05), Quantized(0.9, signed=True))
#: The widest vectors and the narrowest, with the first way of multiplying and the last.
ENDS = (WAYS_TESTED[0], WAYS_TESTED[-1])
WINDOWS = (
    {"kernel_size": 3, "pad": 1},
    {"kernel_size": 3, "pad": 1, "stride": 2},
    {"kernel_size": 5, "pad": 2, "stride": 2},
    {"kernel_h": 7, "kernel_w": 2, "pad": (3, 1), "stride": (1, 2), "dilation": (1, 3)},
    {"kernel_size": 1},
    {"kernel_size": 4},
)


def _weights(rng, channels, kernel, *, bias=True):
    """Return random filters, one of them zeros, and biases large beside them."""
    weight = rng.standard_normal((channels, 1, *kernel)).astype(np.float32)
    weight[-1] = 0
    found = {"weight": weight}
    return found | {"bias": rng.standard_normal(channels).astype(np.float32) * 3} if bias else found


def _kernel(window):
    return (window["kernel_size"],) * 2 if "kernel_size" in window else (window["kernel_h"], window["kernel_w"])


@pytest.mark.parametrize("read", [U8_READ, S8_READ], ids=str)
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("channels", [2, 5, 16, 67, 130])
def test_windows(channels, window, read, rng, monkeypatch):
    # All that tops are stored as, in turn.
    stored = STORED[channels % 3]
    weights = _weights(rng, channels, _kernel(window), bias=channels != 16)
    params = window | {"num_output": channels, "group": channels, "bias_term": channels != 16}
    net = reading_net("Convolution", (channels, 7, 6), read=[read], stored=stored, weights=weights, **params)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=WAYS_TESTED if channels == 67 else ENDS)


RESIDUALS = [None, "f32", Quantized(0.1), Quantized(0.3, signed=True)]
ACTIVATIONS = [None, "ReLU", "ReLU6", "PReLU"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("residual", RESIDUALS, ids=str)
def test_endings(residual, activation, rng, monkeypatch):
    # All that tops are stored as, in turn, with each of the others.
    stored = STORED[(RESIDUALS.index(residual) + ACTIVATIONS.index(activation)) % 3]
    for channels, read in (5, U8_READ), (18, S8_READ):
        weights = _weights(rng, channels, (3, 3))
        if activation == "PReLU":
            weights["slope"] = rng.standard_normal(channels).astype(np.float32)
        epilogue = Epilogue(residual is not None, LAYERS[activation]() if activation else None)
        params = {"num_output": channels, "group": channels, "kernel_size": 3, "pad": 1}
        net = reading_net("Convolution", (channels, 4, 5), read=[read], stored=stored, weights=weights, **params)
        net = with_residual(net, epilogue, residual)
        check_bits(net, random_feed(net, rng), monkeypatch, targets=ENDS)


def test_extremes(monkeypatch):
    """The largest products throughout, scales near zero and huge."""
    for read, scale in itertools.product((Quantized(1.0), Quantized(1.0, signed=True)), (1e-30, 1.0, 1e30)):
        weights = {"weight": np.full((6, 1, 3, 3), -scale, np.float32)}
        weights["weight"][1::2] *= -1
        params = {"num_output": 6, "group": 6, "kernel_size": 3, "bias_term": False}
        for stored in None, Quantized(1e-30), Quantized(1e30, signed=True):
            net = reading_net("Convolution", (6, 4, 4), read=[read], stored=stored, weights=weights, **params)
            limits = np.iinfo(read.element.numpy)
            feed = {"x0": np.full((3, 6, 4, 4), limits.max, read.element.numpy)}
            feed["x0"][1:] = limits.min
            check_bits(net, feed, monkeypatch, targets=WAYS_TESTED)


def test_volumes(rng, monkeypatch):
    weights = _weights(rng, 5, (2, 2, 3))
    params = {"num_output": 5, "group": 5, "kernel_size": (2, 2, 3), "pad": (0, 1, 1)}
    net = reading_net("Convolution", (5, 3, 4, 2), read=[S8_READ], weights=weights, **params)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=WAYS_TESTED)


def test_bands_of_rows(rng, monkeypatch):
    """Three layers, a band of rows through all of them after the other: each finds its rows, also of a residual."""
    how = Quantized(0.02), Quantized(0.05, signed=True), Quantized(0.04)
    names, layers = ("x", "a", "b", "c"), []
    for number, (bottom, top) in enumerate(itertools.pairwise(names)):
        params = {"num_output": 6, "group": 6, "kernel_size": 3, "pad": 1}
        stored = how[number + 1] if number < 2 else None
        read, bottoms = (how[number],), (bottom,)
        if number == 1:
            read, bottoms = (*read, how[0]), (*bottoms, "x")
        layers.append(
            Layer(
                top,
                make_params("Convolution", **params),
                bottoms,
                (top,),
                _weights(rng, 6, (3, 3)),
                epilogue=Epilogue(True) if number == 1 else None,
                quantized=read,
                stored=(stored,) if stored else (),
            )
        )
    given = make_params("Input", shape=((1, 6, 24, 20),), element=how[0].element, scale=how[0].scale)
    net = Net("three", (Layer("x", given, (), ("x",)), *layers), ("c",))
    feed = random_feed(net, rng)
    with_cache(monkeypatch, 192 << 10, WAYS_TESTED[0])
    session = Session(net, schedule="batch", threads=1)
    (found,) = session.run(None, feed)
    assert any(stretch.calls for segment in session.plans()[0].segments for stretch in segment.stretches)
    np.testing.assert_array_equal(found, net.with_batch(len(feed["x"])).forward(feed)["c"])
