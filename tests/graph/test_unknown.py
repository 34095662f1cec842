"""The placeholder for layers of unknown types: it has a type, and refuses whatever needs more."""

import numpy as np
import pytest

from tests.optimize.building import data, net_of
from xdn.errors import UnsupportedError
from xdn.graph import Layer
from xdn.graph.unknown import UnknownParams
from xdn.graph.verify import verify


def net():
    return net_of(data(1, 3, 4, 4), Layer("x", UnknownParams("Warp"), ("data",), ("y",)), weights=False)


def test_the_type_is_the_layers_own():
    assert net().layer("x").type == "Warp"
    assert UnknownParams("Warp") != UnknownParams("Weft")


@pytest.mark.parametrize(
    "use",
    [
        verify,
        lambda net: net.blobs,
        lambda net: net.require_weights(),
        lambda net: net.with_batch(2),
        lambda net: net.forward({"data": np.zeros((1, 3, 4, 4), np.float32)}),
    ],
)
def test_a_net_with_it_is_refused_wherever_shapes_count(use):
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Warp\): XDN cannot run layers of the type 'Warp'"):
        use(net())


def test_it_computes_nothing():
    with pytest.raises(UnsupportedError, match="'Warp'"):
        UnknownParams("Warp").reference([np.zeros((1, 3), np.float32)], {}, 1)
