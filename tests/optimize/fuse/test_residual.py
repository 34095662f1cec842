"""When a convolution takes in the sum after it."""

import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.graph import Epilogue, Quantized
from xdn.graph.verify import verify
from xdn.optimize.fuse.activation import FuseActivation
from xdn.optimize.fuse.residual import FuseResidual

SHAPE = (2, 4, 3, 3)


def fuse(net):
    done = FuseResidual().apply(net)
    verify(done.net)
    assert_same_outputs(net, done.net)
    assert_settled(FuseResidual, done.net)
    return done


@pytest.mark.parametrize("bottoms", [("data", "c"), ("c", "data")])
def test_identity_shortcut(bottoms):
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "sum", bottoms))
    done = fuse(net)
    fused = done.net.layer("c")
    assert names(done.net) == ["c"]
    assert fused.bottoms == ("data", "data")
    assert fused.tops == ("sum",)
    assert fused.epilogue == Epilogue(residual=True)


def test_the_later_of_two_convolutions_takes_the_sum():
    net = net_of(
        data(*SHAPE),
        conv("shortcut", "data", 6),
        conv("main", "data", 6, 3, pad=1),
        layer("Eltwise", "sum", ["shortcut", "main"], coeff=(1.0, 1.0)),
    )
    done = fuse(net)
    assert done.net.layer("main").bottoms == ("data", "shortcut")
    assert done.net.layer("shortcut").epilogue is None


def test_the_earlier_one_moves_after_a_residual_that_is_computed_later():
    net = net_of(
        data(*SHAPE),
        conv("c", "data", 4),
        layer("Pooling", "pool", ["data"], kernel_size=3, pad=1),
        layer("Eltwise", "sum", ["c", "pool"]),
        layer("ReLU", "relu", ["sum"]),
    )
    done = fuse(net)
    assert names(done.net) == ["pool", "c", "relu"]
    assert done.net.layer("c").bottoms == ("data", "pool")


def test_sums_of_sums():
    net = net_of(
        data(*SHAPE),
        conv("a", "data", 4),
        conv("b", "data", 4),
        layer("Eltwise", "first", ["a", "data"]),
        layer("Eltwise", "second", ["first", "b"]),
    )
    done = fuse(net)
    assert sorted(names(done.net)) == ["a", "b"]
    assert done.net.layer("b").bottoms == ("data", "first")


def refused(net, *reasons):
    done = fuse(net)
    assert done.net is net
    assert len(done.refusals) == 1
    for reason in reasons:
        assert reason in done.refusals[0].text


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"operation": "MAX"}, "not a plain sum (MAX)"),
        ({"operation": "PROD"}, "not a plain sum (PROD)"),
        ({"coeff": (1.0, -1.0)}, "coeff (1.0, -1.0)"),
    ],
    ids=str,
)
def test_not_another_operation(params, reason):
    refused(net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "e", ["data", "c"], **params)), reason)


def test_not_three_bottoms():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "e", ["data", "c", "data"]))
    refused(net, "sums 3 blobs")


def test_not_where_something_else_reads_the_convolution():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("ReLU", "r", ["c"]), layer("Eltwise", "e", ["r", "c"]))
    refused(net, "'r' (ReLU), which is not a Convolution", "'c' is read 2 times")


def test_not_where_the_convolution_is_an_output():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "e", ["data", "c"]), outputs=["c", "e"])
    refused(net, "'c' is an output")


def test_not_twice_the_same_blob():
    refused(net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "e", ["c", "c"])), "read 2 times")


def test_not_after_a_fused_activation():
    net = net_of(
        data(*SHAPE), conv("c", "data", 4), layer("ReLU", "relu", ["c"]), layer("Eltwise", "sum", ["relu", "data"])
    )
    refused(FuseActivation().apply(net).net, "ends in a fused activation")


def test_sums_of_8_bit_integers_stay():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "sum", ["data", "c"]))
    read = (Quantized(0.1), Quantized(0.2))
    layers = [each.replace(quantized=read) if each.name == "sum" else each for each in net.layers]
    done = FuseResidual().apply(net.replace(layers=tuple(layers)))
    assert [note.text for note in done.refusals] == ["stays: it reads its bottoms as 8-bit integers"]
    assert not done.changes


def test_a_convolution_of_8_bit_integers_adds_a_residual_of_f32():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "sum", ["data", "c"]))
    layers = [each.replace(quantized=(Quantized(0.1),)) if each.name == "c" else each for each in net.layers]
    done = fuse(net.replace(layers=tuple(layers)))
    assert done.net.layer("c").quantized == (Quantized(0.1),)
    assert done.net.layer("c").residual == "data"
