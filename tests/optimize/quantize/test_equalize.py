"""Equalization: the same outputs to the bit, and channels that use their integers."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for, residual_net
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.equalize import equalized


def uneven(layer_, spread=4.0):
    """Return a layer whose filters differ in size by powers of e."""
    factors = np.exp(np.linspace(-spread, spread, len(layer_.weights["weight"]))).astype(np.float32)
    along = factors.reshape(-1, *(1,) * (layer_.weights["weight"].ndim - 1))
    weights = {**layer_.weights, "weight": layer_.weights["weight"] * along}
    return layer_.replace(weights=weights | ({"bias": weights["bias"] * factors} if "bias" in weights else {}))


def chain(*between, reader, kernel=3, outputs=8, size=6):
    """Return a fused net of an uneven convolution, layers between, and a reader."""
    first = conv("a", "data", outputs, kernel=kernel, pad=kernel // 2)
    net = net_of(data(1, 3, size, size), first, *between, reader)
    return fused(net.replace(layers=tuple(uneven(each) if each.name == "a" else each for each in net.layers)))


def spread(net, blob):
    """Return how much larger the largest channel of a blob is on the images than the smallest."""
    (batch,) = batches_of(net, at_once=32)()
    values = np.abs(net.with_batch(32).forward(batch)[blob])
    peaks = values.max(axis=(0, *range(2, values.ndim)))
    return peaks.max() / peaks[peaks > 0].min()


def forward(net, seed=3):
    (batch,) = batches_of(net, at_once=32, seed=seed)()
    return net.with_batch(32).forward(batch)[net.outputs[0]]


RELU = layer("ReLU", "relu", ["a"])
CHAINS = {
    "conv": chain(RELU, reader=conv("b", "relu", 5, kernel=3)),
    "leaky": chain(layer("ReLU", "relu", ["a"], negative_slope=0.25), reader=conv("b", "relu", 5)),
    "prelu": chain(layer("PReLU", "relu", ["a"]), reader=conv("b", "relu", 5)),
    "nothing between": chain(reader=conv("b", "a", 5, bias_term=False)),
    "groups": chain(RELU, reader=conv("b", "relu", 6, kernel=3, group=2)),
    "depthwise": chain(RELU, reader=conv("b", "relu", 16, kernel=3, group=8)),
    "classifier": chain(RELU, reader=layer("InnerProduct", "b", ["relu"], num_output=4)),
    "transposed": chain(RELU, reader=layer("InnerProduct", "b", ["relu"], num_output=4, transpose=True)),
}


@pytest.mark.parametrize("net", CHAINS.values(), ids=CHAINS)
def test_the_same_outputs_from_even_channels(net):
    found = equalized(net, instruments_for(net))
    np.testing.assert_array_equal(forward(found), forward(net))
    blob = net.layers[1].tops[0]
    assert spread(found, blob) < spread(net, blob) ** 0.6
    assert [(each.name, each.params) for each in found.layers] == [(each.name, each.params) for each in net.layers]


def test_a_depthwise_reader_lets_channels_be_as_large_as_each_other():
    net = CHAINS["depthwise"]
    # Within a power of two.
    assert spread(equalized(net, instruments_for(net)), net.layers[1].tops[0]) <= 2


def test_quantized_it_loses_less():
    net = CHAINS["depthwise"]
    lost = []
    for equalize in (False, True):
        config = CalibrationConfig("min-max", equalize=equalize, correct_bias=False)
        found = calibrate(net, config, instruments_for(net))
        np.testing.assert_array_equal(forward(found.real), forward(net))
        wanted = forward(net)
        # Each output channel counts alike, however small its values are.
        errors = np.square(forward(found.net) - wanted).sum(axis=(0, 2, 3)) / np.square(wanted).sum(axis=(0, 2, 3))
        lost.append(errors.mean())
    assert lost[1] < 0.1 * lost[0]


def test_a_chain_of_three():
    net = net_of(
        data(1, 3, 8, 8),
        conv("a", "data", 8),
        layer("ReLU", "r1", ["a"]),
        conv("dw", "r1", 8, kernel=3, group=8),
        layer("ReLU", "r2", ["dw"]),
        conv("b", "r2", 4),
        seed=3,
    )
    net = fused(net.replace(layers=tuple(uneven(each) if each.name in ("a", "dw") else each for each in net.layers)))
    found = equalized(net, instruments_for(net))
    np.testing.assert_array_equal(forward(found), forward(net))
    assert all(spread(found, blob) < spread(net, blob) for blob in ("r1", "r2"))


@pytest.mark.parametrize(
    "layers",
    [
        # Read twice; an output; summed; an activation that does not scale; shared weights; an input.
        (conv("a", "data", 4), conv("b", "a", 4), conv("c", "a", 4)),
        (conv("a", "data", 4), layer("Sigmoid", "s", ["a"]), conv("b", "s", 4)),
        (conv("a", "data", 4), layer("ReLU6", "s", ["a"]), conv("b", "s", 4)),
        (conv("a", "data", 3, shared=("w",)), conv("b", "a", 3, shared=("w",))),
        (layer("LRN", "lrn", ["data"]), conv("b", "lrn", 4)),
        (conv("b", "data", 4),),
    ],
    ids=["read twice", "sigmoid", "relu6", "shared", "lrn", "input"],
)
def test_other_layers_stay(layers):
    net = net_of(data(1, 3, 5, 5), *layers)
    net = fused(net.replace(layers=tuple(uneven(each) if each.name == "a" else each for each in net.layers)))
    assert equalized(net, instruments_for(net)).digest == net.digest


def test_an_output_stays():
    net = net_of(data(1, 3, 5, 5), conv("a", "data", 4), conv("b", "a", 4), outputs=("a", "b"))
    assert equalized(net, instruments_for(net)).digest == net.digest


def test_channels_without_values_or_readers_stay():
    net = CHAINS["conv"]
    dead = {name: array.copy() for name, array in net.layer("a").weights.items()}
    dead["weight"][2], dead["bias"][2] = 0, 0
    unread = {name: array.copy() for name, array in net.layer("b").weights.items()}
    unread["weight"][:, 5] = 0
    net = net.with_weights({"a": dead, "b": unread})
    found = equalized(net, instruments_for(net))
    np.testing.assert_array_equal(forward(found), forward(net))
    for channel in (2, 5):
        np.testing.assert_array_equal(found.layer("a").weights["weight"][channel], dead["weight"][channel])


def test_a_residual_net_is_equalized_inside_its_block_only():
    net = residual_net()
    found = equalized(net, instruments_for(net))
    np.testing.assert_array_equal(forward(found), forward(net))
    changed = [
        each.name
        for each in net.layers
        if each.weights
        and each.name != "fc"
        and not np.array_equal(each.weights["weight"], found.layer(each.name).weights["weight"])
    ]
    assert set(changed) <= {"a", "b"}
