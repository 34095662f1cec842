"""Weights of one name are equal, or lose the name."""

import numpy as np

from tests.optimize.building import conv, data, net_of
from xdn.frontend import load, save
from xdn.graph.sharing import with_true_names


def sharing():
    """Return a net of three convolutions with the same weights by name."""
    return net_of(data(2, 4, 3, 3), *(conv(name, "data", 4, shared=("w", "b")) for name in "pqr"))


def changed(net, name, weight):
    """Return the net in which one weight of a layer has other values than those of the same name."""
    layer = net.layer(name)
    return net.with_weights({name: layer.weights | {weight: layer.weights[weight] + np.float32(0.5)}})


def test_equal_weights_keep_their_names():
    net = sharing()
    assert with_true_names(net).layers == net.layers
    copied = net.with_weights({"q": {name: array.copy() for name, array in net.layer("q").weights.items()}})
    assert with_true_names(copied).layers == copied.layers


def test_a_weight_of_other_values_loses_its_name_alone():
    made = with_true_names(changed(sharing(), "q", "weight"))
    assert [made.layer(name).shared for name in "pqr"] == [("w", "b"), ("", "b"), ("w", "b")]
    both = with_true_names(changed(changed(sharing(), "q", "weight"), "q", "bias"))
    assert [both.layer(name).shared for name in "pqr"] == [("w", "b"), (), ("w", "b")]


def test_the_first_layer_keeps_the_name_whoever_was_changed():
    made = with_true_names(changed(sharing(), "p", "bias"))
    assert [made.layer(name).shared for name in "pqr"] == [("w", "b"), ("w", ""), ("w", "")]


def test_a_net_without_weights_keeps_its_names():
    net = sharing().without_weights()
    assert with_true_names(net).layers == net.layers


def test_a_file_gives_every_layer_its_own_values(tmp_path):
    net = changed(sharing(), "q", "weight")
    paths = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    save(with_true_names(net), *paths)
    again = load(*paths)
    for layer in net.layers:
        for name, array in layer.weights.items():
            np.testing.assert_array_equal(again.layer(layer.name).weights[name], array)
