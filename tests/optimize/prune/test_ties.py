"""Units of channels: what each kind of layer ties, and what is locked."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import small_resnet
from xdn.errors import UnsupportedError
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.prune.ties import LOCKED, channel_axes, tied_units
from xdn.optimize.stage import POST_FUSION, stage_names


def tied(*layers, outputs=("last",)):
    """Return the units of a net whose convolution `last`, its output, reads the last layer's top."""
    last = conv("last", layers[-1].tops[0], 1)
    return tied_units(net_of(data(1, 4, 3, 3), *layers, last, outputs=outputs, weights=False))


def same(a, b):
    return a.tolist() == b.tolist()


def distinct(units):
    return len(set(units.tolist())) == len(units) and LOCKED not in units


def test_inputs_and_outputs_are_locked_and_filters_are_free():
    units = tied(conv("c", "data", 6))
    assert not units["data"].any()
    assert not units["last"].any()
    assert distinct(units["c"])


def test_a_blob_that_is_neither_read_nor_an_output_is_free():
    units = tied(conv("unread", "data", 6), conv("c", "data", 6))
    assert distinct(np.concatenate([units["unread"], units["c"]]))
    units = tied(conv("second", "data", 6), conv("c", "data", 6), outputs=("last", "second"))
    assert not units["second"].any()


@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX"])
def test_what_is_joined_element_by_element(operation):
    units = tied(conv("a", "data", 6), conv("b", "data", 6), layer("Eltwise", "e", ["a", "b"], operation=operation))
    assert same(units["a"], units["b"])
    assert same(units["a"], units["e"])
    assert distinct(units["a"])


def test_a_sum_with_the_input_is_locked():
    units = tied(conv("a", "data", 4), layer("Eltwise", "e", ["a", "data"]))
    assert not units["a"].any()


def test_a_concatenation_shifts():
    units = tied(conv("a", "data", 2), conv("b", "data", 3), layer("Concat", "cat", ["a", "b", "a", "data"]))
    assert same(units["cat"], np.concatenate([units["a"], units["b"], units["a"], units["data"]]))
    assert distinct(np.concatenate([units["a"], units["b"]]))


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_a_concatenation_along_another_axis_joins(axis):
    units = tied(conv("a", "data", 3), conv("b", "data", 3), layer("Concat", "cat", ["a", "b"], axis=axis))
    assert same(units["a"], units["b"])
    assert same(units["a"], units["cat"])


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_filters_follow_their_channel(multiplier):
    units = tied(conv("a", "data", 3), conv("dw", "a", 3 * multiplier, 3, pad=1, group=3))
    assert same(units["dw"], np.repeat(units["a"], multiplier))
    assert distinct(units["a"])


def test_the_groups_of_a_convolution_lose_the_same_of_their_own():
    units = tied(conv("a", "data", 6), conv("g", "a", 8, group=2))
    assert same(units["a"][:3], units["a"][3:])
    assert same(units["g"][:4], units["g"][4:])
    assert distinct(np.concatenate([units["a"][:3], units["g"][:4]]))


def test_the_channels_of_a_depthwise_deconvolution_follow_theirs():
    up = {"num_output": 3, "kernel_size": 4, "stride": (2,), "group": 3}
    units = tied(conv("a", "data", 3), layer("Deconvolution", "up", ["a"], **up))
    assert same(units["up"], units["a"])
    assert distinct(units["a"])


def test_the_groups_of_a_deconvolution_lose_the_same_of_their_own():
    units = tied(conv("a", "data", 6), layer("Deconvolution", "g", ["a"], num_output=8, kernel_size=2, group=2))
    assert same(units["a"][:3], units["a"][3:])
    assert same(units["g"][:4], units["g"][4:])
    assert distinct(np.concatenate([units["a"][:3], units["g"][:4]]))


def test_parts_of_a_slice_are_those_of_its_bottom():
    cut = layer("Slice", "cut", ["a"], ["x", "y", "z"], slice_point=(1, 4))
    units = tied(conv("a", "data", 6), cut, conv("b", "x", 1))
    assert same(units["a"], np.concatenate([units["x"], units["y"], units["z"]]))


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_a_slice_along_another_axis_leaves_the_channels(axis):
    bottom = [data(3, 4, 3, 3), conv("a", "data", 5)]
    cut = layer("Slice", "cut", ["a"], ["x", "y", "z"], axis=axis)
    units = tied_units(net_of(*bottom, cut, conv("last", "x", 1), outputs=["last"], weights=False))
    assert all(same(units["a"], units[top]) for top in "xyz")
    assert distinct(units["a"])


@pytest.mark.parametrize("operation", ["MAX", "SUM"])
def test_the_halves_of_a_max_feature_map_go_in_pairs(operation):
    cut = layer("Slice", "cut", ["a"], ["x", "y"])
    units = tied(conv("a", "data", 6), cut, layer("Eltwise", "max", ["x", "y"], operation=operation))
    assert same(units["a"][:3], units["a"][3:])
    assert distinct(units["max"])


def test_what_a_concatenation_puts_together_again_is_free():
    cut = layer("Slice", "cut", ["a"], ["x", "y"])
    units = tied(conv("a", "data", 6), cut, layer("Concat", "cat", ["y", "x"]))
    assert same(units["cat"], np.roll(units["a"], 3))
    assert distinct(units["a"])


def test_dealt_out_channels_follow_the_permutation_row_by_row():
    units = tied(conv("a", "data", 6), layer("ShuffleChannel", "s", ["a"], group=2))
    assert same(units["a"][:3], units["a"][3:])
    assert same(units["s"], np.repeat(units["a"][:3], 2))
    assert distinct(units["a"][:3])


def by_hand(groups, channels):
    """Return the layers that deal channels out as ShuffleChannel does; the last is `s`."""
    return [
        layer("Reshape", "parts", ["a"], shape=(0, groups, -1, 3, 3)),
        layer("Permute", "turned", ["parts"], order=(0, 2, 1)),
        layer("Reshape", "s", ["turned"], shape=(0, channels, 3, 3)),
    ]


@pytest.mark.parametrize("groups", [2, 3])
def test_channels_dealt_out_by_hand_are_tied_as_by_their_layer(groups):
    first = conv("a", "data", 12)
    layers = net_of(
        data(1, 4, 3, 3), first, *by_hand(groups, 12), conv("last", "s", 1), outputs=["last"], weights=False
    )
    units = tied_units(layers)
    known = tied(first, layer("ShuffleChannel", "s", ["a"], group=groups))
    same_units = [np.unique(each, return_inverse=True)[1] for each in (units["a"], known["a"])]
    assert same(*same_units)
    assert same(units["s"], np.repeat(units["a"][: 12 // groups], groups))
    axes = channel_axes(layers)
    assert (axes["a"], axes["parts"], axes["turned"], axes["s"]) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    "flattening", [("Flatten", {}), ("Reshape", {"shape": (0, -1)}), ("Reshape", {"shape": (0, 45)})]
)
def test_channels_that_lie_last_are_followed_into_a_flattened_map(flattening):
    kind, params = flattening
    layers = [
        layer("Permute", "p", ["a"], order=(0, 2, 3, 1)),
        layer("ReLU", "r", ["p"]),
        layer(kind, "f", ["r"], **params),
    ]
    last = layer("InnerProduct", "last", ["f"], num_output=2)
    net = net_of(data(1, 4, 3, 3), conv("a", "data", 5), *layers, last, weights=False)
    units = tied_units(net)
    assert same(units["f"], np.tile(units["a"], 9))
    assert distinct(units["a"])
    assert [channel_axes(net)[blob] for blob in "aprf"] == [1, 3, 3, 1]


@pytest.mark.parametrize("reader", [("Scale", {}), ("Pooling", {"kernel_size": 2}), ("Softmax", {"axis": 3})])
def test_channels_that_no_reader_can_follow_are_locked(reader):
    kind, params = reader
    turned = layer("Permute", "p", ["a"], order=(0, 2, 3, 1))
    net = net_of(
        data(1, 4, 3, 3),
        conv("a", "data", 5),
        turned,
        layer("ReLU", "r", ["p"]),
        layer(kind, "fixed", ["r"], **params),
        conv("last", "a", 1),
        weights=False,
    )
    assert not tied_units(net)["a"].any()
    assert set(channel_axes(net).values()) == {1}


def test_a_split_gives_every_top_the_units_of_the_bottom():
    units = tied(conv("a", "data", 3), layer("Split", "s", ["a"], ["one", "two"]), conv("c", "one", 3))
    assert same(units["one"], units["a"])
    assert same(units["two"], units["a"])


@pytest.mark.parametrize(
    "flattening", [("Flatten", {}), ("Reshape", {"shape": (0, -1)}), ("Reshape", {"shape": (-1,), "axis": 1})]
)
def test_a_flattened_channel_is_a_block(flattening):
    kind, params = flattening
    flat = layer(kind, "flat", ["a"], **params)
    last = layer("InnerProduct", "last", ["flat"], num_output=2)
    net = net_of(data(1, 4, 3, 3), conv("a", "data", 5), flat, last, weights=False)
    units = tied_units(net)
    assert same(units["flat"], np.repeat(units["a"], 9))
    assert distinct(units["a"])


def test_a_gate_is_tied_to_what_it_scales():
    units = tied(
        conv("a", "data", 5),
        layer("Pooling", "pool", ["a"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "squeeze", ["pool"], num_output=2),
        layer("InnerProduct", "excite", ["squeeze"], num_output=5),
        layer("Scale", "gated", ["a", "excite"], axis=0),
    )
    assert same(units["excite"], units["a"])
    assert same(units["gated"], units["a"])
    assert distinct(np.concatenate([units["a"], units["squeeze"]]))


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("LRN", {"local_size": 3}),
        ("Softmax", {}),
        ("Reshape", {"shape": (0, 3, 18)}),
        ("Permute", {"order": (0, 2, 3, 1)}),
        ("Flatten", {"axis": 0}),
        ("InnerProduct", {"num_output": 3, "axis": 0}),
    ],
)
def test_what_mixes_channels_locks_them(kind, params):
    net = net_of(
        data(1, 4, 3, 3),
        conv("a", "data", 6),
        layer(kind, "fixed", ["a"], **params),
        conv("last", "a", 1),
        outputs=["last", "fixed"],
        weights=False,
    )
    assert not tied_units(net)["a"].any()


@pytest.mark.parametrize("shape", [(0, 0, -1), (0, 0, 3, 3, 1)])
def test_a_reshape_after_the_channels_carries_them(shape):
    net = net_of(
        data(1, 4, 3, 3),
        conv("a", "data", 6),
        layer("Reshape", "r", ["a"], shape=shape),
        layer("InnerProduct", "last", ["r"], num_output=1),
        weights=False,
    )
    units = tied_units(net)
    assert same(units["r"], units["a"])
    assert distinct(units["a"])


def siamese(first, second, shared):
    """Return the units of a net in which two layers, on blobs of their own, share weights."""
    net = net_of(
        data(1, 4, 3, 3),
        conv("x", "data", 3),
        conv("y", "data", 3),
        layer(first[0], "left", ["x"], shared=shared, **first[1]),
        layer(second[0], "right", ["y"], shared=shared, **second[1]),
        layer("InnerProduct", "one", ["left"], num_output=1),
        layer("InnerProduct", "two", ["right"], num_output=1),
        weights=False,
    )
    return tied_units(net)


def test_shared_weights_lose_the_same():
    params = {"num_output": 5, "kernel_size": (3,)}
    units = siamese(("Convolution", params), ("Convolution", params), ["w", "b"])
    assert same(units["left"], units["right"])
    assert same(units["x"], units["y"])
    assert distinct(np.concatenate([units["left"], units["x"]]))


def test_a_shared_bias_ties_the_filters_only():
    params = {"num_output": 5, "kernel_size": (3,)}
    units = siamese(("Convolution", params), ("Convolution", params), ["", "b"])
    assert same(units["left"], units["right"])
    assert distinct(np.concatenate([units["x"], units["y"]]))


def test_shared_statistics_are_found_by_their_place():
    units = siamese(("BatchNorm", {}), ("BatchNorm", {}), ["", "variance"])
    assert same(units["left"], units["right"])


def test_weights_shared_under_another_shape_stay_whole():
    inputs = 3 * 3 * 3
    plain = ("InnerProduct", {"num_output": inputs, "bias_term": False})
    filters = ("Convolution", {"num_output": inputs, "kernel_size": (3,), "bias_term": False})
    units = siamese(plain, filters, ["w"])
    assert not any(units[blob].any() for blob in ("left", "right", "x", "y"))


def test_weights_shared_with_what_they_are_not_channels_of_stay_whole():
    """The same matrix over the rows of a map, which are not channels, and over the channels of a vector."""
    net = net_of(
        data(1, 4, 3, 3),
        conv("x", "data", 3),
        layer("InnerProduct", "rows", ["x"], num_output=3, axis=3, shared=["w", "b"]),
        layer("InnerProduct", "vector", ["x"], num_output=3, shared=["", "b"]),
        layer("InnerProduct", "last", ["vector"], num_output=1),
        outputs=["last"],
        weights=False,
    )
    assert not tied_units(net)["vector"].any()


def test_what_post_fusion_appended_is_refused():
    net = apply_stages(small_resnet(), stage_names() + stage_names(POST_FUSION))
    with pytest.raises(UnsupportedError, match=r"fused sum or activation.*Prune before"):
        tied_units(net)
