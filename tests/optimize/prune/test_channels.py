"""Groups of units: on nets of every family, and where their names, readers and joints are not obvious."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import small_resnet
from tests.positions import net_over
from xdn.frontend import load
from xdn.graph import ChannelRule
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.remove import remove
from xdn.optimize.prune.ties import LOCKED
from xdn.settings import shipped_dir


def groups_of(*layers, **params):
    """Return name -> group of a net without weights."""
    groups = Channels(net_of(*layers, weights=False, **params)).groups
    assert len({group.name for group in groups}) == len(groups)
    return {group.name: group for group in groups}


def shipped(folder):
    """Return name -> group of a shipped net."""
    return {group.name: group for group in Channels(load(shipped_dir() / folder / "deploy.prototxt")).groups}


def ends(groups, ending):
    """Return those of the groups whose first layer is called so."""
    return [group for group in groups.values() if group.name.endswith(ending)]


def test_groups_of_a_small_resnet():
    groups = {group.name: group for group in Channels(small_resnet()).groups}
    assert list(groups) == ["stem", "onea", "project", "twoa"]
    assert [len(group.units) for group in groups.values()] == [8, 8, 16, 16]
    assert [group.joined for group in groups.values()] == [True, False, True, False]
    assert groups["stem"].filters == ("stem", "oneb")
    assert groups["stem"].readers == ("onea", "project", "twoa")
    assert groups["twoa"].filters == ("twoa",)
    assert groups["twoa"].readers == ("twob",)
    assert groups["project"].filters == ("project", "twob")
    assert groups["project"].readers == ("fc",)


@pytest.mark.parametrize("folder", ["lenet", "resnet20", "googlenet", "densenet121", "mobilenet_v2"])
def test_units_partition_the_channels(folder):
    channels = Channels(load(shipped_dir() / folder / "deploy.prototxt"))
    grouped = np.concatenate([group.units for group in channels.groups])
    assert len(set(grouped.tolist())) == len(grouped)
    assert LOCKED not in grouped
    found = set(np.concatenate(list(channels.units.values())).tolist())
    # Every channel is locked or in exactly one group.
    assert found - set(grouped.tolist()) == {LOCKED}
    assert max(found) < channels.count


def test_resnet50():
    groups = shipped("resnet50")
    # Two inner convolutions in each of 16 blocks, one sum a stage, and the first layer, whose channels no sum joins.
    assert len(groups) == 2 * 16 + 4 + 1
    assert [(g.name, len(g.units), len(g.filters)) for g in groups.values() if g.joined] == [
        (f"s{stage}b1/conv3", 256 << stage - 1, blocks + 1) for stage, blocks in enumerate((3, 4, 6, 3), 1)
    ]
    inner = ends(groups, "/conv1") + ends(groups, "/conv2")
    assert len(inner) == 32
    assert not any(group.joined for group in inner)
    assert all(group.filters == (group.name,) for group in inner)
    assert groups["conv1"].readers == ("s1b1/conv1", "s1b1/proj")


def test_densenet121():
    groups = shipped("densenet121")
    # Two convolutions in each of 58 layers, three transitions, the first: a concatenation joins nothing.
    assert len(groups) == 2 * 58 + 3 + 1
    assert not any(group.joined for group in groups.values())
    assert groups["b1l1/conv2"].readers == (*(f"b1l{i}/conv1" for i in range(2, 7)), "transition1/conv")
    assert {len(group.units) for group in ends(groups, "/conv2")} == {32}


def test_googlenet():
    groups = shipped("googlenet")
    # Six convolutions in each of nine blocks; of the first layers, LRN across channels locks two.
    assert len(groups) == 6 * 9 + 1
    assert "conv1" not in groups
    assert "conv2" not in groups
    readers = [f"inception3b/{part}" for part in ("1x1", "3x3_reduce", "5x5_reduce", "proj")]
    for part in ("1x1", "3x3", "5x5", "proj"):
        assert groups[f"inception3a/{part}"].readers == tuple(readers)


def test_mobilenet_v2():
    groups = shipped("mobilenet_v2")
    # An expansion and a projection for each of 17 blocks, but where the sum ties projections; the first block has no
    # expansion: its depthwise filters follow the first layer's.
    assert groups["conv1"].filters == ("conv1", "s1b1/dw")
    expansions = ends(groups, "/expand")
    assert len(expansions) == 16
    assert all(g.filters == (g.name, g.name.replace("expand", "dw")) and not g.joined for g in expansions)
    projections = ends(groups, "/project")
    assert [len(group.filters) for group in projections] == [1, 2, 3, 4, 3, 3, 1]
    assert [group.joined for group in projections] == [len(group.filters) > 1 for group in projections]


def test_squeezenet():
    groups = shipped("squeezenet_v1.1")
    assert len(groups) == 1 + 3 * 8
    assert not any(group.joined for group in groups.values())
    assert groups["fire2/squeeze"].readers == ("fire2/expand1x1", "fire2/expand3x3")
    assert groups["fire2/expand3x3"].readers == ("fire3/squeeze",)


def test_several_groups_that_begin_with_one_layer_have_names_of_their_own():
    """The sum ties one part of `whole` to `a`, the other to `b`."""
    groups = groups_of(
        data(1, 4, 3, 3),
        conv("whole", "data", 5),
        conv("a", "data", 2),
        conv("b", "data", 3),
        layer("Concat", "cat", ["a", "b"]),
        layer("Eltwise", "sum", ["whole", "cat"]),
        conv("last", "sum", 1),
    )
    assert {name: group.filters for name, group in groups.items()} == {
        "whole+a": ("whole", "a"),
        "whole+b": ("whole", "b"),
    }
    assert [len(group.units) for group in groups.values()] == [2, 3]


def test_filters_that_read_what_they_are_added_to_are_readers_too():
    groups = groups_of(
        data(1, 4, 3, 3),
        conv("first", "data", 5),
        conv("again", "first", 5),
        layer("Eltwise", "sum", ["first", "again"]),
        conv("last", "sum", 1),
    )
    assert groups["first"].filters == ("first", "again")
    assert groups["first"].readers == ("again", "last")


def test_depthwise_filters_read_nothing_that_could_go_alone():
    groups = groups_of(
        data(1, 4, 3, 3), conv("first", "data", 5), conv("dw", "first", 5, group=5), conv("last", "dw", 1)
    )
    assert groups["first"].filters == ("first", "dw")
    assert groups["first"].readers == ("last",)


def test_readers_stand_in_the_order_of_the_net():
    """The first unit is read by `late` only, the second by `early` too."""
    groups = groups_of(
        data(1, 4, 3, 3),
        conv("other", "data", 2),
        conv("first", "data", 4),
        layer("Concat", "cat", ["other", "first"]),
        conv("early", "cat", 2, group=2),
        conv("late", "first", 2),
        conv("last", "early", 1),
        conv("end", "late", 1),
    )
    for group in groups.values():
        assert list(group.readers) == sorted(group.readers, key=["early", "late", "last", "end"].index)


def test_a_gate_joins_nothing():
    groups = groups_of(
        data(1, 4, 3, 3),
        conv("a", "data", 5),
        layer("Pooling", "pool", ["a"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "squeeze", ["pool"], num_output=2),
        layer("InnerProduct", "excite", ["squeeze"], num_output=5),
        layer("Scale", "gated", ["a", "excite"], axis=0),
        conv("last", "gated", 1),
    )
    assert groups["a"].filters == ("a", "excite")
    assert groups["a"].readers == ("squeeze", "last")
    assert not groups["a"].joined


def test_units_are_the_same_in_what_is_left():
    net = small_resnet()
    channels = Channels(net)
    gone = np.concatenate([group.units[::2] for group in channels.groups])
    left = channels.left_in(remove(channels, gone), gone)
    assert [group.name for group in left.groups] == [group.name for group in channels.groups]
    for before, after in zip(channels.groups, left.groups, strict=True):
        assert after.units.tolist() == before.units[1::2].tolist()
        assert (after.filters, after.readers, after.joined) == (before.filters, before.readers, before.joined)


def test_groups_stay_when_a_grouped_convolution_is_left_with_one_channel_a_group():
    net = net_of(
        data(1, 4, 3, 3), conv("first", "data", 6), conv("grouped", "first", 6, group=3), conv("last", "grouped", 1)
    )
    channels = Channels(net)
    gone = channels.groups[0].units[:1]
    left = channels.left_in(remove(channels, gone), gone)
    assert left.net.layer("grouped").params.group == left.net.blobs["first"].shape[1] == 3
    assert [(group.name, len(group.units)) for group in left.groups] == [("first", 1), ("grouped", 2)]
    # Its filters may go on losing one a group.
    again = remove(left, left.groups[1].units[:1])
    assert again.layer("grouped").params.num_output == 3


def test_groups_hold_filters_only():
    net = small_resnet()
    for group in Channels(net).groups:
        for name in (*group.filters, *group.readers):
            each = net.layer(name)
            assert each.params.channel_rule_for(net.bottom_blobs(each)) is ChannelRule.FILTERS


def test_a_grouped_deconvolution_that_is_left_with_one_channel_a_group_goes_on_losing_filters():
    net = net_of(
        data(1, 4, 3, 3),
        conv("first", "data", 4),
        layer("Deconvolution", "grouped", ["first"], num_output=6, kernel_size=2, group=2),
        conv("last", "grouped", 1),
    )
    channels = Channels(net)
    gone = channels.groups[0].units[:1]
    left = channels.left_in(remove(channels, gone), gone)
    assert left.net.layer("grouped").params.group == left.net.blobs["first"].shape[1] == 2
    again = remove(left, left.groups[1].units[:2])
    assert again.layer("grouped").weights["weight"].shape == (2, 1, 2, 2)


def halves(*between):
    """Return name -> group of a net that cuts the channels of `a` in halves, x and y."""
    return groups_of(
        data(1, 4, 3, 3),
        conv("a", "data", 8),
        layer("Slice", "cut", ["a"], ["x", "y"]),
        *between,
        conv("last", between[-1].name, 1),
        outputs=["last"],
    )


def test_a_max_feature_map_is_a_group_of_pairs_inside_of_its_layer():
    groups = halves(layer("Eltwise", "max", ["x", "y"], operation="MAX"))
    assert list(groups) == ["a"]
    assert len(groups["a"].units) == 4
    assert not groups["a"].joined
    assert groups["a"].readers == ("last",)


def test_parts_that_part_for_good_are_groups_of_their_own():
    """However few filters stay, each part keeps one."""
    groups = halves(conv("b", "x", 6), layer("Concat", "cat", ["b", "y"]))
    assert {name: len(group.units) for name, group in groups.items()} == {"a#1": 4, "a#2": 4, "b": 6}
    assert [groups[name].filters for name in ("a#1", "a#2")] == [("a",), ("a",)]
    assert [groups[name].readers for name in ("a#1", "a#2")] == [("b",), ("last",)]


def test_shuffled_units():
    """The half that passes is tied to what is dealt out with it; inside of a unit channels are free."""
    groups = {group.name: group for group in Channels(net_over(2, "shuffled")).groups}
    assert {name: len(groups[name].units) for name in ("a_in", "b_in")} == {"a_in": 6, "b_in": 6}
    assert groups["a_in"].filters == ("a_in", "a_dw")
    assert any(group.joined is False and len(group.filters) > 2 for group in groups.values())
