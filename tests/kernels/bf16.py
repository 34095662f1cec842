"""What the tests of kernels on bf16 share: nets of one layer, and the comparison with the references on all targets."""

from dataclasses import replace

import numpy as np

from tests.kernels.checks import coarse, exact, make_params
from tests.kernels.integers import BATCH, TARGETS_TESTED, runs
from xdn.codegen.target import cpu_features, pair_ways_of
from xdn.element import BF16
from xdn.graph import Bf16, Layer

#: One of each kind and length of vectors, with each of the ways in which they round to bf16.
PAIRS_TESTED = tuple(
    replace(target, pairs=way) for target in TARGETS_TESTED for way in pair_ways_of(target, cpu_features())
)
#: f32 and bf16: as what tops are stored.
STORED = (None, Bf16())
#: Channels that end with each part of a word, and of a vector; no positions, and more than one.
IMAGES = ((5, 3, 2), (64, 2, 1), (33, 1, 1), (2,), (18, 2, 3))


def halved(net, stored=STORED[1]):
    """Return a net of one layer with bottoms of bf16 that it reads so, and its top stored as `stored` says."""
    inputs = {name: blob.shape for name, blob in net.inputs.items()}
    given = [
        Layer(name, make_params("Input", shape=(shape,), element=BF16), (), (name,)) for name, shape in inputs.items()
    ]
    layer = net.layers[-1]
    read = (Bf16(),) * len(layer.bottoms)
    return net.replace(layers=(*given, layer.replace(quantized=read, stored=() if stored is None else (stored,))))


def special_feed(net, rng, batch=BATCH):
    """Return bf16 for the inputs of a net: standard normal, some infinite, not a number, zero, huge or tiny."""
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3.3e38, -3.3e38, 1e-38, 1.0, -1.0], np.float32)
    feed = random_feed(net, rng, batch)
    for x in feed.values():
        chosen = rng.random(x.shape) < 0.2
        x[chosen] = BF16.stored(rng.choice(special, int(chosen.sum())))
    return feed


def random_feed(net, rng, batch=BATCH):
    """Return standard normal numbers in bf16 for the inputs of a net."""
    return {
        name: BF16.stored(rng.standard_normal((batch, *blob.shape[1:]), np.float32))
        for name, blob in net.inputs.items()
    }


def check(net, feed, monkeypatch, stored, allowed=exact, targets=PAIRS_TESTED):
    """Assert that all targets and schedules give what the references do, a net of one layer of f32 being given.

    `allowed` bounds the error (`tests/kernels/checks.py`) before the top is rounded, if it is. Both schedules, and
    parts of the batch, give the same bits.
    """
    real = {name: BF16.loaded(x) for name, x in feed.items()}
    twin = coarse(net) if "weight" in net.layers[-1].weights else net
    with np.errstate(all="ignore"):
        expected = twin.with_batch(len(next(iter(feed.values())))).forward(real)[net.outputs[0]]
        error = allowed(twin, real, expected)
        least, most = (_rounded(end, stored) for end in (expected - error, expected + error))
    bits = {}
    for place, images, (found,) in runs(halved(net, stored), feed, monkeypatch, targets):
        assert found.dtype == (np.float32 if stored is None else stored.element.numpy), place
        np.testing.assert_array_equal(bits.setdefault(place.split(",")[0], found)[:images], found, err_msg=place)
        value = found if stored is None else stored.values(found)
        within = (least[:images] <= value) & (value <= most[:images])
        wrong = ~(within | np.isnan(value) & np.isnan(expected[:images]))
        assert not wrong.any(), f"{place}: {value[wrong][:5]} in place of {expected[:images][wrong][:5]}"


def _rounded(values, stored):
    return values if stored is None else stored.values(stored.stored(values))
