"""Times of layers at other widths, on a clock that counts multiplications."""

import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import group_of, mixed_net, small_resnet
from xdn.graph.cost import layer_cost, net_cost
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.layer_costs import LayerCosts, measured_widths
from xdn.optimize.prune.remove import remove


class Counting:
    """A clock that takes MACs for seconds and keeps the nets that it saw."""

    def __init__(self):
        self.nets = []

    def __call__(self, net):
        self.nets.append(net)
        return float(net_cost(net).macs)


def test_a_group_takes_the_time_of_its_filters_and_of_their_readers():
    net = small_resnet(width=16)
    channels, clock = Channels(net), Counting()
    times = LayerCosts(channels, clock)
    expected = sum(layer_cost(net, net.layer(name)).macs for name in ("onea", "oneb"))
    assert times.of(group_of(channels, "onea"), {}) == pytest.approx(expected)
    assert all(len(seen.layers) == 2 and not seen.layers[1].weights for seen in clock.nets)


@pytest.mark.parametrize("share", [0.75, 0.5, 0.25])
@pytest.mark.parametrize(
    ("net", "group"), [(small_resnet(width=16), "onea"), (small_resnet(width=16), "stem"), (mixed_net(), "a")]
)
def test_at_measured_widths_the_time_is_that_of_the_thinned_layers(net, group, share):
    channels = Channels(net)
    found = group_of(channels, group)
    units = round(share * len(found.units))
    thinned = remove(channels, found.units[units:])
    layers = {*found.filters, *found.readers}
    expected = sum(layer_cost(thinned, thinned.layer(name)).macs for name in layers)
    assert LayerCosts(channels, Counting()).of(found, {group: units}) == pytest.approx(expected)


def test_in_between_the_time_is_interpolated():
    channels = Channels(small_resnet(width=16))
    group = group_of(channels, "onea")
    times = LayerCosts(channels, Counting())
    between = [times.of(group, {"onea": units}) for units in (14, 13, 12)]
    assert between[1] == pytest.approx((between[0] + between[2]) / 2)


def test_of_a_concatenation_each_group_is_its_part():
    """Of 12 inputs 8 belong to `one`: half of them gone, two thirds are left."""
    net = net_of(
        data(1, 4, 4, 4),
        conv("one", "data", 8),
        conv("two", "data", 4),
        layer("Concat", "cat", ["one", "two"]),
        conv("last", "cat", 3, bias_term=False),
        weights=False,
    )
    channels = Channels(net)
    times, group = LayerCosts(channels, Counting()), group_of(channels, "one")
    own, reader = (layer_cost(net, net.layer(name)).macs for name in ("one", "last"))
    assert times.of(group, {"one": 4}) == pytest.approx(own / 2 + reader * 2 / 3)
    assert times.of(group, {"one": 4, "two": 2}) == pytest.approx(own / 2 + reader / 2)


def test_depthwise_filters_are_timed_with_their_channels():
    clock = Counting()
    net = net_of(data(1, 4, 4, 4), conv("first", "data", 8), conv("dw", "first", 16, 3, group=8), conv("last", "dw", 2))
    channels = Channels(net)
    LayerCosts(channels, clock).of(channels.groups[0], {})
    depthwise = [seen.layers[1].params for seen in clock.nets if seen.name == "dw"]
    assert [(params.num_output, params.group) for params in depthwise] == [(2 * c, c) for c in range(8, 0, -1)]


def test_groups_of_a_convolution_stay_whole():
    clock = Counting()
    net = net_of(data(1, 4, 4, 4), conv("first", "data", 8), conv("g", "first", 12, group=4), conv("last", "g", 2))
    channels = Channels(net)
    LayerCosts(channels, clock).of(channels.groups[0], {})
    grouped = [seen for seen in clock.nets if seen.name == "g"]
    widths = {(seen.layers[1].params.num_output, seen.blobs["data"].shape[1]) for seen in grouped}
    assert widths == {(12, 8), (8, 8), (4, 8), (12, 4)}
    assert {seen.layers[1].params.group for seen in grouped} == {4}


def test_layers_of_one_shape_are_timed_once():
    clock = Counting()
    net = net_of(
        data(1, 8, 4, 4),
        conv("one", "data", 8),
        conv("two", "one", 8),
        conv("three", "two", 8),
        conv("last", "three", 2),
    )
    channels = Channels(net)
    times = LayerCosts(channels, clock)
    for group in channels.groups:
        times.of(group, {})
        times.of(group, {group.name: 4})
    # Eight widths of eight filters, seven more of eight inputs; the last layer has two filters.
    assert [seen.name for seen in clock.nets] == ["one"] * 15 + ["last"] * 9


def test_widths_are_sixteenths_in_whole_channels():
    assert measured_widths(32) == [32, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4]
    assert measured_widths(3) == [3, 2, 1]
    assert measured_widths(1) == [1]
