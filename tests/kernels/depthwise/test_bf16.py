"""Depthwise convolutions of bf16, with any window and sliding: sums in f32 of products of what bf16 stands for."""

import itertools

import numpy as np
import pytest

from tests.kernels.bf16 import PAIRS_TESTED, STORED, check, halved, random_feed
from tests.kernels.checks import activated, make_params, one_layer_net, sums, with_cache
from tests.kernels.depthwise.test_integers_batch import WINDOWS
from xdn.element import BF16
from xdn.graph import Bf16, Epilogue, Layer, Net, Quantized
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers import LAYERS
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

#: The widest vectors and the narrowest, with the first way of rounding and the last.
ENDS = (PAIRS_TESTED[0], PAIRS_TESTED[-1])


def _net(channels, image=(7, 6), epilogue=None, **window):
    params = {"num_output": channels, "group": channels} | window
    return one_layer_net("Convolution", (channels, *image), epilogue=epilogue, **params)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("channels", [2, 5, 16, 67, 130])
def test_windows(channels, window, rng, monkeypatch):
    net = _net(channels, bias_term=channels != 16, **window)
    targets = PAIRS_TESTED if channels == 67 else ENDS
    check(net, random_feed(halved(net), rng), monkeypatch, STORED[channels % 2], sums, targets)


ACTIVATIONS = [None, "ReLU", "ReLU6", "PReLU", "Sigmoid"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("residual", [False, True])
def test_endings(residual, activation, rng, monkeypatch):
    stored = STORED[(residual + ACTIVATIONS.index(activation)) % 2]
    epilogue = Epilogue(residual, LAYERS[activation]() if activation else None)
    for channels, window in (5, {"kernel_size": 3, "pad": 1}), (18, {"kernel_size": 3, "pad": 2, "dilation": 2}):
        net = _net(channels, (4, 5), epilogue, **window)
        check(net, random_feed(halved(net), rng), monkeypatch, stored, activated, ENDS)


def test_weights_are_rounded(monkeypatch):
    net = _net(3, (1, 1), kernel_size=1, bias_term=False)
    layer = net.layers[-1].replace(weights={"weight": np.full((3, 1, 1, 1), 1 + 2.0**-9, np.float32)})
    net = net.replace(layers=(*net.layers[:-1], layer))
    check(net, {"x0": BF16.stored(np.ones((2, 3, 1, 1), np.float32))}, monkeypatch, None)


def test_volumes(rng, monkeypatch):
    net = _net(5, (3, 4, 2), kernel_size=(2, 2, 3), pad=(0, 1, 1))
    check(net, random_feed(halved(net), rng), monkeypatch, STORED[1], sums)


def test_tops_of_integers(rng, monkeypatch):
    """As integers of a scale that makes the last bits of sums not matter but where they are equally near to two."""
    how = Quantized(0.5, signed=True)
    net = halved(_net(6, (4, 4), kernel_size=3, pad=1), how)
    feed = {"x0": BF16.stored(rng.integers(-8, 8, (33, 6, 4, 4)).astype(np.float32))}
    layer = net.layers[-1]
    weights = {name: np.rint(w * 4).astype(np.float32) for name, w in layer.weights.items()}
    net = net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))
    expected = net.with_batch(33).forward(feed)["y0"]
    for schedule in SCHEDULES:
        (found,) = Session(net, schedule=schedule).run(None, feed)
        np.testing.assert_array_equal(found, expected)


def test_small_windows_slide():
    for window, op in ({"kernel_size": 3, "pad": 1}, "sliding"), ({"kernel_size": 7, "pad": 3}, "depthwise"):
        net = halved(_net(20, **window))
        plan = make_plan(net, {"x0": (20, 7, 6)}, ("y0",), schedule=SCHEDULES["channel"])
        assert any(op in step.source.name.op for step in plan.steps)


def test_bands_of_rows(rng, monkeypatch):
    """Three layers, a band of rows through all of them after the other: each finds its rows, also of a residual."""
    names, layers = ("x", "a", "b", "c"), []
    for number, (bottom, top) in enumerate(itertools.pairwise(names)):
        bottoms = (bottom, "x") if number == 1 else (bottom,)
        weights = {
            "weight": rng.standard_normal((6, 1, 3, 3)).astype(np.float32),
            "bias": rng.standard_normal(6).astype(np.float32),
        }
        params = make_params("Convolution", num_output=6, group=6, kernel_size=3, pad=1)
        epilogue, stored = Epilogue(True) if number == 1 else None, (Bf16(),) if number < 2 else ()
        read = (Bf16(),) * len(bottoms)
        layers.append(Layer(top, params, bottoms, (top,), weights, epilogue=epilogue, quantized=read, stored=stored))
    given = make_params("Input", shape=((1, 6, 24, 20),), element=BF16)
    net = Net("three", (Layer("x", given, (), ("x",)), *layers), ("c",))
    feed = random_feed(net, rng)
    with_cache(monkeypatch, 192 << 10, PAIRS_TESTED[0])
    banded, plain = Session(net, schedule="batch", threads=1), Session(net, schedule="channel", threads=1)
    (found,) = banded.run(None, feed)
    assert any(stretch.calls for segment in banded.plans()[0].segments for stretch in segment.stretches)
    np.testing.assert_array_equal(found, *plain.run(None, feed))
