"""Which layers cannot be thinned, and what they are told to be kept by."""

import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import mixed_net, small_resnet
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.locks import NAMED, BudgetError, locked_layers
from xdn.optimize.prune.ties import LOCKED, Lock


def locked(*layers, outputs=("last",)):
    """Return layer -> what is locked of a net without weights, whose last layer is its output."""
    last = layer("InnerProduct", "last", [layers[-1].tops[0]], num_output=2)
    net = net_of(*layers, last, outputs=outputs, weights=False)
    found = {each.layer: each for each in locked_layers(net)}
    assert found.pop("last").by[0].why == "gives 'last', an output of the net"
    return found


def test_outputs_are_locked_and_nothing_else_of_a_plain_net():
    assert locked(data(1, 4, 3, 3), conv("a", "data", 6), layer("ReLU", "relu", ["a"])) == {}
    assert [(each.layer, each.filters, each.of) for each in locked_layers(small_resnet())] == [("fc", 5, 5)]


@pytest.mark.parametrize(
    ("kind", "params", "why"),
    [
        ("LRN", {"local_size": 3}, "sums over neighbouring channels"),
        ("Softmax", {}, "divides by a sum over the channels"),
        ("Normalize", {}, "divides by a norm over the channels"),
        ("MVN", {"across_channels": True}, "takes mean and variance over all channels"),
        ("Permute", {"order": (0, 2, 1, 3)}, "lays the channels along another axis (order (0, 2, 1, 3))"),
        ("Reshape", {"shape": (0, 2, 27)}, "reshapes (1, 6, 3, 3) to (1, 2, 27), where several channels share one"),
        ("ArgMax", {"axis": 1}, "mixes its channels, or counts on their number or order"),
    ],
)
def test_a_layer_that_mixes_channels_is_named_with_its_reason(kind, params, why):
    found = locked(
        data(1, 4, 3, 3),
        conv("a", "data", 6),
        layer("ReLU", "relu", ["a"]),
        layer(kind, "fixed", ["relu"], **params),
        layer("ReLU", "end", ["a"]),
        outputs=("last", "fixed"),
    )
    assert list(found) == ["a"]
    assert (found["a"].filters, found["a"].of, found["a"].by) == (6, 6, (Lock("fixed", kind, why),))
    assert str(found["a"]) == f"all 6 filters of 'a' (Convolution) stay: 'fixed' ({kind}) {why}"


def test_a_sum_carries_a_lock_to_all_that_it_joins():
    found = locked(
        data(1, 4, 3, 3), conv("a", "data", 4), layer("Eltwise", "sum", ["a", "data"]), layer("ReLU", "relu", ["sum"])
    )
    assert found["a"].by == (Lock("data", "Input", "is an input of the net"),)


def test_some_filters_of_a_layer():
    """One part of what a Slice cuts is summed with the input."""
    found = locked(
        data(1, 4, 3, 3),
        conv("a", "data", 10),
        layer("Slice", "cut", ["a"], ["left", "right"], slice_point=(4,)),
        layer("Eltwise", "sum", ["left", "data"]),
        conv("b", "sum", 3),
        layer("Concat", "cat", ["b", "right"]),
    )
    assert (found["a"].filters, found["a"].of) == (4, 10)
    assert str(found["a"]).startswith("4 of 10 filters of 'a' (Convolution) stay: 'data' (Input) is")


def test_filters_that_can_go_together_only():
    """Each group of the grouped convolution keeps one filter, and loses as many as the others."""
    found = locked(data(1, 4, 3, 3), conv("a", "data", 6), conv("group", "a", 3, group=3))
    assert (found["group"].filters, found["group"].of) == (3, 3)
    assert found["group"].reason == "'group' (Convolution) takes as many channels from each of its groups"
    found = locked(
        data(1, 4, 3, 3), conv("a", "data", 6), layer("ShuffleChannel", "s", ["a"], group=6), layer("ReLU", "r", ["s"])
    )
    assert found["a"].reason == "'s' (ShuffleChannel) deals out whole rows only"
    found = locked(
        data(1, 4, 3, 3),
        conv("a", "data", 2),
        layer("Slice", "cut", ["a"], ["left", "right"]),
        layer("Eltwise", "max", ["left", "right"], operation="MAX"),
    )
    assert found["a"].reason == "they can only go together"


def test_weights_that_are_not_channels_of_another_layer():
    found = locked(
        data(1, 4, 3, 3),
        conv("x", "data", 3),
        layer("InnerProduct", "rows", ["x"], num_output=3, axis=3, shared=["w", "b"]),
        layer("InnerProduct", "vector", ["x"], num_output=3, shared=["", "b"]),
    )
    assert found["vector"].by == (
        Lock("vector", "InnerProduct", "shares weights with 'rows', of which they are not channels"),
    )


def test_boxes_that_depend_on_shapes_lock_nothing():
    found = locked(
        data(1, 3, 8, 8),
        conv("a", "data", 6),
        layer("PriorBox", "boxes", ["a", "data"], min_size=(2.0,)),
        layer("ReLU", "relu", ["a"]),
    )
    assert found == {}


@pytest.mark.parametrize("net", [small_resnet(), mixed_net()], ids=["residual", "mixed"])
def test_a_locked_filter_is_one_that_no_group_can_lose(net):
    channels = Channels(net)
    known = {each.layer: each.filters for each in locked_layers(net)}
    for each in net.layers:
        units = channels.units[each.tops[0]]
        if each.type in ("Convolution", "InnerProduct") and (units == LOCKED).any():
            assert known[each.name] == (units == LOCKED).sum()


def test_a_message_names_the_first_of_many():
    layers = [conv(f"c{i}", "data", 4) for i in range(NAMED + 2)]
    net = net_of(data(1, 4, 3, 3), *layers, weights=False)
    error = BudgetError("it cannot be met", locked_layers(net), "Ask for less")
    assert len(error.locked) == NAMED + 2
    assert "it cannot be met; all 4 filters of 'c0' (Convolution) stay: 'c0' (Convolution) gives 'c0', an" in str(error)
    assert f"and so on, {NAMED + 2} layers (--json names them all). Ask for less" in str(error)
    assert error.exit_code == 1
