"""Identities are removed where they are certain."""

import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, data, layer, names, net_of
from xdn.optimize.eliminate.identity import EliminateIdentity


def identities(*layers):
    net = net_of(*layers)
    done = EliminateIdentity().apply(net)
    assert_same_outputs(net, done.net)
    assert_settled(EliminateIdentity, done.net)
    return names(done.net)


@pytest.mark.parametrize(
    "same",
    [
        layer("Flatten", "same", ["data"]),
        layer("Reshape", "same", ["data"], shape=(0, -1)),
        layer("Reshape", "same", ["data"], shape=(-1, 6)),
        layer("Concat", "same", ["data"]),
    ],
    ids=lambda each: each.type,
)
def test_identity(same):
    assert identities(data(2, 6), same, layer("ReLU", "r", ["same"])) == ["r"]


@pytest.mark.parametrize(
    "other",
    [
        layer("Flatten", "other", ["data"]),
        layer("Reshape", "other", ["data"], shape=(0, 6, 1, 1)),
        layer("Reshape", "other", ["data"], shape=(1, -1, 2, 1)),
        layer("Concat", "other", ["data", "data"]),
    ],
    ids=["flattens", "reshapes", "mixes the batch", "two bottoms"],
)
def test_no_identity(other):
    assert identities(data(1, 3, 2, 1), other, layer("ReLU", "r", ["other"])) == ["other", "r"]


@pytest.mark.parametrize(
    ("shape", "params"),
    [
        ((3, 1), {"shape": (-1, 1), "axis": 1}),
        ((4, 1, 5), {"shape": (0, -1, 1), "num_axes": 3}),
        ((2, 3, 3), {"shape": (0, 0, -1, 3)}),
        ((3, 2, 1), {"shape": (-1, 2), "axis": 1, "num_axes": 2}),
    ],
)
def test_a_shape_that_is_kept_for_one_size_of_images_only(shape, params):
    assert identities(data(2, *shape), layer("Reshape", "other", ["data"], **params)) == ["other"]


def test_a_size_decides_after_other_layers_too():
    flat, rows = layer("Flatten", "flat", ["data"]), layer("Reshape", "rows", ["flat"], shape=(-1, 6))
    assert identities(data(2, 3, 2, 1), flat, rows) == ["flat", "rows"]
    fixed = layer("InnerProduct", "ip", ["flat"], num_output=6), layer("Reshape", "rows", ["ip"], shape=(-1, 6))
    assert identities(data(2, 3, 2, 1), flat, *fixed, layer("ReLU", "r", ["rows"])) == ["flat", "ip", "r"]


@pytest.mark.parametrize("params", [{"shape": (0, 3, 4, 4)}, {"shape": (0, 0, 0, 0)}, {"shape": (-1,), "num_axes": 1}])
def test_a_shape_that_is_kept_for_all_sizes_that_fit(params):
    kept = layer("Reshape", "same", ["data"], **params), layer("ReLU", "r", ["same"])
    assert identities(data(2, 3, 4, 4), *kept) == ["r"]
