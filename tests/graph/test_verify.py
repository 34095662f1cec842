"""Each rule that a net must keep, broken once."""

import numpy as np
import pytest

from tests.graph.nets import residual_net
from xdn.errors import NetError, ShapeError, WeightsError
from xdn.graph.verify import verify
from xdn.layers.eltwise import Eltwise


def _with(net, which, **changes):
    return net.replace(layers=tuple(x.replace(**changes) if x.name == which else x for x in net.layers))


@pytest.mark.parametrize("with_weights", [False, True])
def test_a_good_net_passes(with_weights):
    verify(residual_net(with_weights))


def test_layers_have_different_names():
    with pytest.raises(NetError, match="two layers are called 'conv'"):
        verify(_with(residual_net(), "relu", name="conv"))


def test_every_blob_is_written_once():
    with pytest.raises(NetError, match="blob 'conv' is written by 'conv' and by 'relu'"):
        verify(_with(residual_net(), "relu", tops=("conv",)))


def test_layers_stand_after_what_they_read():
    net = residual_net()
    with pytest.raises(NetError, match="unknown bottom blob"):
        verify(net.replace(layers=net.layers[::-1]))


def test_outputs_exist():
    with pytest.raises(NetError, match="output 'nowhere'"):
        verify(residual_net().replace(outputs=("nowhere",)))


def test_shapes_fit():
    with pytest.raises(ShapeError, match="'sum'"):
        verify(_with(residual_net(), "sum", params=Eltwise(coeff=(1.0,))))


def test_weights_have_their_names_and_shapes():
    net = residual_net()
    weights = dict(net.layer("fc").weights)
    with pytest.raises(WeightsError, match=r"layer 'fc' .*\['weight'\] instead of \['bias', 'weight'\]"):
        verify(_with(net, "fc", weights={"weight": weights["weight"]}))
    with pytest.raises(WeightsError, match=r"bias has the shape \(4,\) instead of \(5,\)"):
        verify(_with(net, "fc", weights={**weights, "bias": np.zeros(4, np.float32)}))
