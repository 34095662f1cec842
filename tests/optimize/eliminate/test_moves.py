"""Chains of layers that move values become shorter, and no value changes."""

import numpy as np
import pytest

from tests.optimize.building import assert_settled, data, layer, net_of
from xdn.optimize.eliminate.moves import EliminateMoves

#: Images, steps, and three parts of two heads of three values.
SHAPE = (2, 4, 18)


def shorten(net):
    done = EliminateMoves().apply(net)
    rng = np.random.default_rng(0)
    feed = {name: rng.standard_normal(blob.shape, np.float32) for name, blob in net.inputs.items()}
    before, after = net.forward(feed), done.net.forward(feed)
    assert done.net.outputs == net.outputs
    for name in net.outputs:
        np.testing.assert_array_equal(after[name], before[name])
    assert_settled(EliminateMoves, done.net)
    return done


def types(net):
    return [each.type for each in net.layers[1:]]


def parts(taken="qkv"):
    """Return the layers that take queries, keys and values apart, as attention is exported."""
    layers = [
        layer("Reshape", "apart", ["data"], shape=(0, 1, 4, 3, 2, 3)),
        layer("Permute", "turned", ["apart"], order=(0, 3, 1, 4, 2, 5)),
    ]
    for number, name in enumerate("qkv"):
        if name in taken:
            tops = [f"{name}.{part}" for part in range(3)]
            layers.append(layer("Slice", f"{name}.cut", ["turned"], tops))
            layers.append(layer("Reshape", name, [tops[number]], shape=(0, 2, 4, 3)))
            layers.append(layer("ReLU", f"{name}.relu", [name]))
    return layers


def test_parts_of_attention():
    """One Slice for all three; each is laid where it goes once."""
    outputs = ["q.relu", "k.relu", "v.relu"]
    done = shorten(net_of(data(*SHAPE), *parts(), outputs=outputs))
    assert types(done.net) == ["Slice", *["Reshape", "Permute", "ReLU"] * 3]
    (cut,) = [each for each in done.net.layers if each.type == "Slice"]
    assert (cut.bottoms, cut.params.axis, cut.params.slice_point) == (("data",), 2, (6, 12))
    assert len(done.changes) == 3


def test_a_part_in_the_middle():
    done = shorten(net_of(data(*SHAPE), *parts("k"), outputs=["k.relu"]))
    assert types(done.net) == ["Slice", "Reshape", "Permute", "ReLU"]
    assert done.net.layer("k").bottoms != ("data",)


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 1, 3, 2), (0, 3, 2, 1)])
def test_there_and_elsewhere_is_one_way(order):
    layers = [
        layer("Permute", "there", ["data"], order=(0, 3, 1, 2)),
        layer("Flatten", "flat", ["there"], axis=1, end_axis=2),
        layer("Reshape", "wide", ["flat"], shape=(0, 5, 2, 3)),
        layer("Permute", "elsewhere", ["wide"], order=order),
    ]
    done = shorten(net_of(data(2, 2, 3, 5), *layers, layer("ReLU", "r", ["elsewhere"])))
    assert types(done.net) == ["Permute", "ReLU"]


def test_there_and_back_costs_nothing():
    layers = [
        layer("Permute", "there", ["data"], order=(0, 2, 1)),
        layer("Reshape", "same", ["there"], shape=(0, 18, 4)),
    ]
    done = shorten(net_of(data(*SHAPE), *layers, layer("Permute", "back", ["same"], order=(0, 2, 1))))
    assert types(done.net) == ["Reshape"]


def test_a_cut_within_an_axis():
    """The part of an axis that is split already: the blob is split before it is cut."""
    layers = [
        layer("Reshape", "split", ["data"], shape=(0, 4, 6, 3)),
        layer("Permute", "turned", ["split"], order=(0, 3, 1, 2)),
        layer("Slice", "cut", ["turned"], ["first", "second"], slice_point=(1,)),
        layer("Permute", "back", ["second"], order=(0, 2, 1, 3)),
        layer("Reshape", "joined", ["back"], shape=(0, 4, 12)),
    ]
    done = shorten(net_of(data(*SHAPE), *layers, layer("ReLU", "r", ["joined"]), outputs=["r"]))
    assert types(done.net) == ["Reshape", "Slice", "Permute", "Reshape", "ReLU"]


@pytest.mark.parametrize(
    "layers",
    [
        [layer("Reshape", "a", ["data"], shape=(0, 6, -1)), layer("Permute", "b", ["a"], order=(0, 2, 1))],
        [layer("Permute", "a", ["data"], order=(1, 0, 2)), layer("Permute", "b", ["a"], order=(1, 0, 2))],
        [layer("Reshape", "a", ["data"], shape=(-1, 18)), layer("Reshape", "b", ["a"], shape=(2, 18, -1))],
        [layer("Flatten", "a", ["data"], axis=0), layer("Reshape", "b", ["a"], shape=(0, 1, 1))],
    ],
    ids=["axes that do not divide", "the batch elsewhere", "the batch beside others", "each value by itself"],
)
def test_what_stays(layers):
    net = net_of(data(*SHAPE), *layers, layer("ReLU", "r", ["b"]))
    assert shorten(net).net is net


def test_images_of_other_sizes_keep_their_layers():
    """The Reshape would have to say how large they are."""
    layers = [
        layer("Permute", "a", ["data"], order=(0, 2, 1, 3)),
        layer("Permute", "b", ["a"], order=(0, 3, 2, 1)),
    ]
    net = net_of(data(2, 3, 4, 4), *layers, layer("ReLU", "r", ["b"]))
    assert shorten(net).net is net


def test_what_nothing_reads_stays_for_others_to_remove():
    layers = [
        layer("Reshape", "split", ["data"], shape=(0, 4, 6, 3)),
        layer("Permute", "there", ["split"], order=(0, 2, 1, 3)),
        layer("Permute", "back", ["there"], order=(0, 2, 1, 3)),
    ]
    net = net_of(data(*SHAPE), *layers, layer("ReLU", "r", ["data"]), outputs=["r"])
    assert shorten(net).net is net
