"""When an affine layer goes into the convolution after it, when not, and that the numbers hold."""

import numpy as np
import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from tests.positions import NAMES, SIZES
from xdn.graph import Quantized
from xdn.optimize.fuse.following import FuseFollowing

SHAPE = (2, 4, 5, 5)
AFFINE = {"BatchNorm": {}, "Scale": {"bias_term": True}, "Power": {"scale": 2.0, "shift": -0.5}}


def before(kind="Power", **params):
    return layer(kind, "before", ["data"], **(AFFINE[kind] | params))


def fuse(net):
    done = FuseFollowing().apply(net)
    assert_same_outputs(net, done.net)
    assert_settled(FuseFollowing, done.net)
    return done


@pytest.mark.parametrize("kind", AFFINE)
@pytest.mark.parametrize("params", [{}, {"bias_term": False}, {"group": 2, "stride": 2}], ids=str)
def test_convolution(kind, params):
    done = fuse(net_of(data(*SHAPE), before(kind), conv("c", "before", 6, 3, **params)))
    assert names(done.net) == ["c"]
    assert done.net.layer("c").bottoms == ("data",)
    assert done.changes[0].text == "taken in by 'c' (Convolution)"


@pytest.mark.parametrize("axes", [1, 3], ids=NAMES.get)
def test_lines_and_volumes(axes):
    net = net_of(data(2, 4, *SIZES[axes]), before(), conv("c", "before", 6, 2))
    assert names(fuse(net).net) == ["c"]


@pytest.mark.parametrize("transpose", [False, True])
def test_inner_product_over_positions(transpose):
    net = net_of(
        data(*SHAPE), before("Scale"), layer("InnerProduct", "p", ["before"], num_output=7, transpose=transpose)
    )
    assert names(fuse(net).net) == ["p"]


def test_padding_is_zeros_whatever_the_factor():
    assert names(fuse(net_of(data(*SHAPE), before(shift=0.0), conv("c", "before", 4, 3, pad=1))).net) == ["c"]


def test_algebra_in_float64():
    net = net_of(data(*SHAPE), before("Scale"), conv("c", "before", 6, 3))
    w, b = (net.layer("c").weights[name].astype(np.float64) for name in ("weight", "bias"))
    a, d = (net.layer("before").weights[name].astype(np.float64)[:, None, None] for name in ("scale", "bias"))
    fused = fuse(net).net.layer("c").weights
    np.testing.assert_array_equal(fused["weight"], (w * a).astype(np.float32))
    np.testing.assert_allclose(fused["bias"], b + (w * d).sum(axis=(1, 2, 3)), rtol=1e-6)


def refused(net, reason):
    done = fuse(net)
    assert done.net is net
    assert reason in done.refusals[0].text


def test_not_a_shift_before_padding():
    refused(net_of(data(*SHAPE), before(), conv("c", "before", 4, 3, pad=1)), "the padding of 'c' is not shifted")


def test_not_with_two_readers():
    net = net_of(data(*SHAPE), before(), conv("c", "before", 4), layer("ReLU", "relu", ["before"]))
    refused(net, "read 2 times, by 'c', 'relu'")


def test_not_over_another_axis_than_the_channels():
    net = net_of(data(2, 4, 5), before(), layer("InnerProduct", "p", ["before"], num_output=3, axis=2))
    refused(net, "'p' does not sum over channels")


def test_not_into_integers():
    net = net_of(data(*SHAPE), before(), conv("c", "before", 4))
    net = net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(quantized=(Quantized(0.1),))))
    done = FuseFollowing().apply(net)
    assert "8-bit integers" in done.refusals[0].text


def test_not_with_factors_that_overflow():
    net = net_of(
        data(*SHAPE), before(scale=1e38), conv("c", "before", 1, weights={"weight": np.full((1, 4, 1, 1), 9.0)})
    )
    assert "not finite in f32" in FuseFollowing().apply(net).refusals[0].text
