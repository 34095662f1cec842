"""Neighbouring affine layers become one Scale."""

import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.optimize.fuse.scale import FuseScale

SHAPE = (2, 4, 3, 3)


def merge(net):
    done = FuseScale().apply(net)
    assert_same_outputs(net, done.net)
    assert_settled(FuseScale, done.net)
    return done


@pytest.mark.parametrize("shape", [SHAPE, (2, 4)])
def test_batch_norm_and_scale_after_a_concat(shape):
    net = net_of(
        data(*shape),
        layer("Concat", "join", ["data", "data"]),
        layer("BatchNorm", "bn", ["join"]),
        layer("Scale", "scale", ["bn"], bias_term=True),
        layer("ReLU", "relu", ["scale"]),
    )
    done = merge(net)
    assert [each.type for each in done.net.layers] == ["Input", "Concat", "Scale", "ReLU"]
    assert done.net.layer("scale").bottoms == ("join",)
    assert len(done.changes) == 1


def test_one_alone_stays():
    net = net_of(data(*SHAPE), layer("BatchNorm", "bn", ["data"]), layer("ReLU", "relu", ["bn"]))
    assert merge(net).net is net


def test_powers_alone_become_a_power():
    powers = [layer("Power", "p1", ["data"], scale=2.0, shift=1.0), layer("Power", "p2", ["p1"], scale=0.5, shift=3.0)]
    done = merge(net_of(data(*SHAPE), *powers, layer("ReLU", "relu", ["p2"])))
    assert [each.type for each in done.net.layers] == ["Input", "Power", "ReLU"]
    params = done.net.layer("p2").params
    assert (params.scale, params.shift, params.power) == (1.0, 3.5, 1.0)


def test_a_square_stays():
    powers = [layer("Power", "p1", ["data"], scale=2.0), layer("Power", "p2", ["p1"], power=2.0)]
    net = net_of(data(*SHAPE), *powers)
    assert merge(net).net is net


def test_a_hard_sigmoid_stays_what_it_is():
    """Its sum and its quotient are Powers, which those around them leave as they are."""
    net = net_of(
        data(*SHAPE),
        layer("Power", "before", ["data"], scale=2.0),
        layer("Power", "sum", ["before"], shift=3.0),
        layer("ReLU6", "clip", ["sum"]),
        layer("Power", "quotient", ["clip"], scale=1 / 6),
        layer("Power", "after", ["quotient"], scale=2.0),
    )
    assert merge(net).net is net


def test_chains_on_both_sides_of_a_blob_with_two_readers():
    net = net_of(
        data(*SHAPE),
        layer("BatchNorm", "b1", ["data"]),
        layer("Scale", "s1", ["b1"]),
        layer("ReLU", "relu", ["s1"]),
        layer("Bias", "b2", ["s1"]),
        layer("Scale", "s2", ["b2"]),
    )
    done = merge(net)
    assert names(done.net) == ["s1", "relu", "s2"]
    assert "read 2 times" in done.refusals[0].text


def test_the_first_may_refuse():
    net = net_of(
        data(*SHAPE),
        layer("BatchNorm", "bn", ["data"], use_global_stats=False),
        layer("Scale", "s1", ["bn"]),
        layer("Bias", "s2", ["s1"]),
    )
    done = merge(net)
    assert names(done.net) == ["bn", "s2"]
    assert done.refusals[0].layer == "bn"


def test_after_a_convolution_with_shared_weights():
    net = net_of(
        data(*SHAPE),
        conv("a", "data", 4, shared=["w"]),
        conv("b", "a", 4, shared=["w"]),
        layer("BatchNorm", "bn", ["b"]),
        layer("Scale", "scale", ["bn"]),
    )
    assert names(merge(net).net) == ["a", "b", "scale"]


@pytest.mark.parametrize(
    ("type_name", "params"),
    [("BN", {}), ("BN", {"affine_only": True, "bn_mode": "INFERENCE"}), ("BatchNorm", {"scale_bias": True})],
)
def test_what_only_forks_have_becomes_a_scale(type_name, params):
    net = net_of(data(*SHAPE), layer(type_name, "bn", ["data"], **params), layer("ReLU", "relu", ["bn"]))
    done = merge(net)
    assert [each.type for each in done.net.layers] == ["Input", "Scale", "ReLU"]
    assert done.changes[0].text == "said as a Scale"


def test_the_batchs_own_statistics_stay():
    net = net_of(data(*SHAPE), layer("BN", "bn", ["data"], affine_only=True))
    done = merge(net)
    assert done.net is net
    assert "statistics of the batch" in done.refusals[0].text
