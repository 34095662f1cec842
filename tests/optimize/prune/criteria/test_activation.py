"""How much a channel moves the next layers, counted weight by weight."""

import numpy as np

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import images_for, importance, mixed_net
from xdn.optimize.prune.instruments import Instruments


def test_every_weight_of_every_reader_counts():
    """Of `dw`, `grouped` reads channels i and i + 4 in groups of their own, `side` reads all."""
    net = mixed_net()
    images = images_for(net, 6)
    blob = net.forward(images)["dw"].astype(np.float64)
    variance = [blob[:, c].var() for c in range(8)]
    grouped, side = (net.layer(name).weights["weight"].astype(np.float64) for name in ("grouped", "side"))
    moved_grouped, moved_side = np.zeros(8), np.zeros(8)
    for c in range(8):
        group, place = divmod(c, 4)
        moved_grouped[c] = variance[c] * sum((grouped[k, place] ** 2).sum() for k in range(6 * group, 6 * group + 6))
        moved_side[c] = variance[c] * (side[:, c] ** 2).sum()
    expected = moved_grouped / moved_grouped.sum() + moved_side / moved_side.sum()
    found = importance("activation", net, "a", Instruments(images=images))
    np.testing.assert_allclose(found, expected[:4] + expected[4:], rtol=1e-5)
    # All that the two readers compute comes from this group.
    np.testing.assert_allclose(found.sum(), 2)


def test_a_flattened_channel_is_all_its_inputs_and_other_groups_count_in_the_whole():
    net = mixed_net()
    images = images_for(net, 6)
    blob = net.forward(images)["flat"].astype(np.float64)
    weight = net.layer("hidden").weights["weight"].astype(np.float64)
    moved = blob.var(axis=0) * (weight**2).sum(axis=0)
    per_channel = moved.reshape(18, -1).sum(axis=1) / moved.sum()
    instruments = Instruments(images=images)
    found = importance("activation", net, "side", instruments)
    np.testing.assert_allclose(found, per_channel[12:], rtol=1e-5)
    found = importance("activation", net, "grouped", instruments)
    np.testing.assert_allclose(found, per_channel[:6] + per_channel[6:12], rtol=1e-5)


def test_a_constant_counts_for_nothing():
    net = net_of(data(2, 3, 4, 4), conv("first", "data", 4), layer("ReLU", "relu", ["first"]), conv("last", "relu", 2))
    first = net.layer("first")
    weight = first.weights["weight"].copy()
    weight[2] = 0
    bias = np.full(4, 100, np.float32)
    constant = first.replace(weights={"weight": weight, "bias": bias})
    net = net.replace(layers=tuple(constant if each is first else each for each in net.layers))
    found = importance("activation", net, "first", Instruments(images=images_for(net, 4)))
    assert np.flatnonzero(found == 0).tolist() == [2]
