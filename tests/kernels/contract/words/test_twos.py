"""Weights in twos: all of them are there, no sum leaves s16, and layers of any weights give the references' bits."""

import numpy as np
import pytest

from tests.kernels.checks import make_params
from tests.kernels.contract.words.nets import TARGETS, Case, constant_feed
from tests.kernels.integers import BATCH, check_bits, random_feed
from xdn.codegen.target import MADD
from xdn.graph import Quantized
from xdn.kernels.contract.words.twos import begins_of, in_twos, word_size
from xdn.runtime.cpu.plan import make_plan

MADDS = [target for target in TARGETS if target.dots == MADD]
TILES, TAPS, WIDTH, ROWS = 3, 4, 9, 5


def entries(packed, tiles, taps, rows):
    """Yield (tile, tap, offsets, weights (rows, 4) of each) of all twos and single words."""
    size = word_size(rows)
    for tile, begin in enumerate(begins_of(packed, tiles)):
        numbers = packed[begin : begin + 2 * (taps + 1)].reshape(2, -1)
        for count, own in zip((2, 1), numbers, strict=True):
            for tap in range(taps):
                for number in range(own[tap], own[tap + 1]):
                    told = packed[begin + number * count * size :][: count * size].reshape(size, count).T
                    weights = np.ascontiguousarray(told[:, 1:]).view(np.int8).reshape(count, rows, 4)
                    yield tile, tap, told[:, 0], weights


def check_twos(words):
    tiles, taps, width, rows, _ = words.shape
    places = np.arange(taps * width).reshape(taps, width) * 10
    packed, found = in_twos(words, places), np.zeros(words.shape, np.int64)
    counts = {1: 0, 2: 0}
    for tile, tap, offsets, weights in entries(packed, tiles, taps, rows):
        pairs = weights.reshape(len(weights), rows, 2, 2).astype(np.int64)
        for signed in pairs, -pairs:
            assert 255 * np.maximum(signed, 0).sum(axis=(0, 3)).max() <= 32767
        for offset, own in zip(offsets, weights, strict=True):
            number, rest = divmod(int(offset), 10)
            assert (number // width, rest) == (tap, 0)
            found[tile, tap, number % width] += own
        counts[len(weights)] += 1
    np.testing.assert_array_equal(found, words)
    assert tuple(packed[:2]) == (counts[2], counts[1])
    return counts


@pytest.mark.parametrize("spread", [5, 25, 60, 127])
def test_every_weight_is_there_and_no_sum_leaves_16_bits(spread, rng):
    words = rng.normal(0, spread, (TILES, TAPS, WIDTH, ROWS, 4)).clip(-127, 127).astype(np.int8)
    words[rng.random(words.shape[:3]) < 0.2] = 0
    check_twos(words)


def test_small_weights_are_all_in_twos_and_the_largest_none():
    small = np.full((TILES, TAPS, 8, ROWS, 4), 32, np.int8)
    assert check_twos(small) == {2: TILES * TAPS * 4, 1: 0}
    # Of one sign, each word is two halves; of both signs 127 and -127 are within.
    assert check_twos(np.full_like(small, 127)) == {2: 0, 1: 2 * TILES * TAPS * 8}
    assert check_twos(small // 32 * np.array([127, -127, -127, 127], np.int8)) == {2: 0, 1: TILES * TAPS * 8}
    assert check_twos(np.zeros_like(small)) == {2: 0, 1: 0}


def test_large_words_are_beside_small_ones():
    words = np.full((1, 1, 6, 2, 4), 10, np.int8)
    words[0, 0, ::2] = 50
    assert check_twos(words) == {2: 3, 1: 0}


def with_weights(net, make):
    """Return the net with `make` (shape) as the weights of its last layer, whose scales are 1."""
    layer = net.layers[-1]
    weights = {name: make(array.shape) if name == "weight" else array for name, array in layer.weights.items()}
    scales = np.ones(layer.params.filter_count, np.float32)
    return net.replace(layers=(*net.layers[:-1], layer.replace(weights={**weights, "weight_scale": scales})))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", ["small", "mixed", "largest", "lowest", "alternating"])
def test_extremes(kind, signed, rng, monkeypatch):
    """All weights and all values at their ends; products of both signs."""
    make = {
        "small": lambda shape: rng.integers(-30, 31, shape).astype(np.float32),
        "mixed": lambda shape: rng.integers(-60, 61, shape).astype(np.float32),
        "largest": lambda shape: np.full(shape, 127, np.float32),
        "lowest": lambda shape: np.full(shape, -127, np.float32),
        "alternating": lambda shape: np.where(np.indices(shape)[1] % 2, 127, -127).astype(np.float32),
    }[kind]
    case = Case(((13, 4, 3),), read=Quantized(0.02, signed))
    net = with_weights(case.net(num_output=9, kernel_size=3, pad=1), make)
    for feed in constant_feed(net, BATCH), constant_feed(net, BATCH, highest=False), random_feed(net, rng):
        check_bits(net, feed, monkeypatch, targets=MADDS)


def test_windows_groups_and_projections(rng, monkeypatch):
    """Strides, dilation, windows that overhang; groups that begin within words; two sources."""
    projection = make_params("Convolution", num_output=8, kernel_size=1, stride=2)
    for case, params in (
        (Case(((14, 7, 6),)), {"num_output": 14, "kernel_size": 3, "stride": 2, "pad": 2, "group": 7}),
        (Case(((6, 7, 6),)), {"num_output": 5, "kernel_size": 3, "dilation": 2, "pad": 3}),
        (Case(((5, 4, 4), (9, 8, 8)), projection=projection), {"num_output": 8, "kernel_size": 3, "pad": 1}),
    ):
        net = case.net(**params)
        check_bits(net, random_feed(net, rng), monkeypatch, targets=MADDS)


def test_layers_take_the_way_that_their_weights_are_faster_in(rng):
    def ops(scale):
        net = Case(((16, 4, 4),)).net(num_output=8, kernel_size=3)
        net = with_weights(net, lambda shape: np.full(shape, scale, np.float32))
        plan = make_plan(net, {"x0": (16, 4, 4)}, ("y",), target=next(each for each in MADDS if each.name == "avx2"))
        return [step.source.name.op for step in plan.steps if "dots" in step.source.name.op]

    assert ops(30) == ["dots_twos"]
    assert ops(127) == ["dots_madd"]


def test_a_transposed_window_is_not_in_twos(rng, monkeypatch):
    net = Case(((8, 3, 3),)).net("Deconvolution", num_output=8, kernel_size=4, stride=2)
    check_bits(net, random_feed(net, rng), monkeypatch, targets=MADDS)
