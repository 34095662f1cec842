"""Learned rounding: no other choice for a single weight is better, and layers give more nearly what they did."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for, residual_net
from xdn import settings
from xdn.graph import Quantized
from xdn.layers.integer import integer_filters
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.instruments import Instruments
from xdn.optimize.quantize.rounding import _grams, rounded, with_learned_rounding

PLAIN = CalibrationConfig("min-max", correct_bias=False, integer_weights=False)


def problem(rng, groups, filters, inputs, largest=4.0):
    """Return quotients, the nearest integers, and sums of products of inputs that depend on each other."""
    quotients = rng.uniform(-largest, largest, (groups, filters, inputs)).astype(np.float32)
    x = rng.standard_normal((groups, 200, inputs)) @ rng.standard_normal((inputs, inputs)) + 1
    return quotients, np.rint(quotients).clip(-127, 127).astype(np.int8), (x.swapaxes(1, 2) @ x).astype(np.float32)


def errors(quotients, integers, gram):
    """Return (G, K/G) the error of each filter."""
    difference = integers.astype(np.float64) - quotients
    return np.einsum("gki,gij,gkj->gk", difference, gram.astype(np.float64), difference)


@pytest.mark.parametrize(("groups", "filters", "inputs"), [(1, 6, 5), (3, 2, 4), (4, 1, 9)])
def test_near_the_best_of_all_choices(rng, groups, filters, inputs):
    quotients, nearest, gram = problem(rng, groups, filters, inputs)
    found = rounded(quotients, nearest, gram)
    assert set(np.unique(found - np.floor(quotients))) <= {0, 1}
    best = np.min(
        [errors(quotients, np.floor(quotients) + choice, gram) for choice in product((0, 1), repeat=inputs)], axis=0
    )
    got, before = errors(quotients, found, gram), errors(quotients, nearest, gram)
    assert (got <= before * (1 + 1e-6)).all()
    assert got.sum() < before.sum()
    assert got.sum() < 1.5 * best.sum()


def test_no_single_change_is_better(rng):
    quotients, nearest, gram = problem(rng, 2, 3, 12)
    found = rounded(quotients, nearest, gram)
    got = errors(quotients, found, gram)
    below = np.floor(quotients)
    for i in range(12):
        other = found.astype(np.float64)
        other[:, :, i] = 2 * below[:, :, i] + 1 - other[:, :, i]
        assert (errors(quotients, other, gram) >= got * (1 - 1e-6)).all()


def test_integers_stay_within_their_range(rng):
    quotients, nearest, gram = problem(rng, 1, 4, 6, largest=127)
    quotients[0, :, :2] = 126.9, -126.9
    found = rounded(quotients, nearest, gram)
    assert found.dtype == np.int8
    assert np.abs(found.astype(int)).max() <= 127


def test_inputs_that_are_independent_leave_the_nearest(rng):
    quotients, nearest, _ = problem(rng, 1, 4, 6)
    gram = np.diag(rng.uniform(1, 2, 6)).astype(np.float32)[None]
    np.testing.assert_array_equal(rounded(quotients, nearest, gram), nearest)


@pytest.mark.parametrize(
    "gram", [np.zeros((1, 5, 5)), np.ones((1, 5, 5)), -np.ones((1, 5, 5)), np.diag([1e9, 1, 0, 0, -1e6])[None]],
    ids=["nothing", "one direction", "negative", "rounded badly"],
)  # fmt: skip
def test_sums_that_are_not_those_of_a_definite_form_do_no_harm(rng, gram):
    """Of inputs that are always 0, all the same, or whose sums lost their digits."""
    quotients, nearest, _ = problem(rng, 1, 4, 5)
    found = rounded(quotients, nearest, gram.astype(np.float32))
    assert set(np.unique(found - np.floor(quotients))) <= {0, 1}
    assert (errors(quotients, found, gram) <= errors(quotients, nearest, gram) + 1e-6).all()


def test_large_means_do_not_drown_what_varies():
    """Images far from zero, of which the variance is a millionth of the squares."""
    net = fused(net_of(data(1, 3, 8, 8), conv("a", "data", 8, kernel=3)))
    (batch,) = batches_of(net, at_once=32)()
    (layer_,) = [each for each in calibrate(net, PLAIN, instruments_for(net)).net.layers if each.quantized]
    real = net.with_weights({})
    shifted = Instruments(lambda: [{"data": batch["data"] + np.float32(500)}])
    wide = layer_.replace(quantized=(Quantized(2.5),))
    fine = layer_.replace(quantized=(Quantized(2.5, signed=True),))
    (gram,) = _grams(real, [wide], shifted, 32, True)
    (other,) = _grams(real, [fine], Instruments(lambda: [batch]), 32, True)
    np.testing.assert_allclose(gram, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


NETS = {
    "residual": residual_net(),
    "groups": fused(
        net_of(
            data(1, 4, 8, 8),
            conv("a", "data", 8, kernel=3, pad=1),
            layer("ReLU", "r", ["a"]),
            conv("grouped", "r", 8, kernel=3, group=2),
            conv("depthwise", "grouped", 8, kernel=3, group=8),
            layer("InnerProduct", "fc", ["depthwise"], num_output=6, transpose=True),
        )
    ),
}


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_layers_give_more_nearly_what_they_did(net, centred):
    """Each layer from its own bottoms in f32, but for their mean where that is corrected afterwards."""
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    told = []
    found = with_learned_rounding(quantized, instruments_for(net), 32, centred, lambda *each: told.append(each))
    (batch,) = batches_of(net, at_once=32)()
    blobs = net.with_batch(32).forward(batch)

    def lost(made, name):
        """Return the squared error of what a layer gives without its epilogue."""
        layer_, real = made.layer(name), net.layer(name)
        read = layer_.quantized[0]
        values = read.values(read.stored(blobs[layer_.bottoms[0]]))
        got, wanted = (
            each.replace(quantized=(), epilogue=None).forward([values])[0].astype(np.float64) for each in (layer_, real)
        )
        difference = got - wanted
        axes = tuple(axis for axis in range(difference.ndim) if axis != 1)
        return (difference.var(axis=axes) if centred else np.square(difference).mean(axis=axes)).sum()

    learned = [each.name for each in found.layers if "weight_scale" in each.weights]
    assert learned == [each.name for each in net.layers if "weight" in each.weights]
    assert told == [(done, len(learned)) for done in range(1, len(learned) + 1)]
    nearest = calibrate(net, replace(PLAIN, integer_weights=True), instruments_for(net)).net
    ratios = [lost(found, name) / lost(nearest, name) for name in learned]
    assert max(ratios) < 1.001
    assert np.mean(ratios) < 0.9


def test_the_integers_are_those_that_are_computed_with():
    net = residual_net()
    found = calibrate(net, replace(PLAIN, learn_rounding=True), instruments_for(net)).net.layer("a")
    again = integer_filters(found.params, found.weights, found.quantized[0]).weight
    exact = found.weights["weight"] / found.weights["weight_scale"].reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(again, exact, atol=1e-4)
    nearest = integer_filters(found.params, net.layer("a").weights, found.quantized[0]).weight
    assert 0 < np.mean(again != nearest) < 0.5


@pytest.mark.parametrize("room", [1, 1 << 14])
def test_less_room_takes_more_passes_to_the_same_end(monkeypatch, room):
    net = NETS["groups"]
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    whole = with_learned_rounding(quantized, instruments_for(net), 32, True)
    monkeypatch.setattr(settings, "ROUNDING_BYTES", room)
    parted = with_learned_rounding(quantized, instruments_for(net), 32, True)
    for each in whole.layers:
        for name, array in each.weights.items():
            np.testing.assert_allclose(parted.layer(each.name).weights[name], array, atol=0.03)


def test_layers_that_share_weights_stay():
    net = net_of(
        data(1, 3, 5, 5),
        conv("a", "data", 3, shared=("w", "b")),
        conv("b", "a", 3, shared=("w", "b")),
        conv("c", "b", 3),
    )
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    found = with_learned_rounding(quantized, instruments_for(net), 32, True)
    assert [each.name for each in found.layers if "weight_scale" in each.weights] == ["c"]
