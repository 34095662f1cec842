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
