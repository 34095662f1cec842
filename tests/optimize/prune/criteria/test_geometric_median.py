"""Distances between filters, counted pair by pair."""

import numpy as np

from tests.optimize.building import conv, data, net_of
from tests.optimize.prune.nets import factor, importance, small_resnet


def test_the_sums_of_tied_layers_add_up():
    net = small_resnet()
    expected = np.zeros(8)
    for name in ("stem", "oneb"):
        filters = net.layer(name).weights["weight"] * factor(net, f"{name}_").reshape(-1, 1, 1, 1)
        flat = filters.reshape(8, -1)
        expected += [sum(np.linalg.norm(flat[i] - flat[j]) for j in range(8)) for i in range(8)]
    np.testing.assert_allclose(importance("geometric-median", net, "stem"), expected, rtol=1e-6)


def test_the_filter_in_the_middle_matters_least_however_large_it_is():
    weight = np.array([[10.0, 0], [10, 1], [10, -1], [11, 0]], np.float32)
    net = net_of(data(1, 2, 1, 1), conv("first", "data", 4), conv("last", "first", 1))
    layers = [
        each.replace(weights={**each.weights, "weight": weight.reshape(4, 2, 1, 1)}) if each.name == "first" else each
        for each in net.layers
    ]
    found = importance("geometric-median", net.replace(layers=tuple(layers)), "first")
    np.testing.assert_allclose(found, [3, 3 + np.sqrt(2), 3 + np.sqrt(2), 1 + 2 * np.sqrt(2)])
    assert found.argmin() == 0


def test_one_filter_has_no_others():
    net = net_of(data(1, 2, 1, 1), conv("first", "data", 1), conv("last", "first", 1))
    assert importance("geometric-median", net, "first").tolist() == [0]
