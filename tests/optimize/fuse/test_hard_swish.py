"""Several layers become one HSwish, HSigmoid, Swish or Gelu."""

import numpy as np
import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, net_of
from xdn.graph import Quantized
from xdn.optimize.fuse.hard_swish import FuseHardSwish

SHAPE = (2, 4, 3, 3)
SIXTH = 0.1666666667


def hard(x, *, shift=3.0, scale=SIXTH, product=("x", "v"), **eltwise):
    """Return the layers of a port, by default around the blob x."""
    layers = [
        layer("Power", "t", [x], shift=shift),
        layer("ReLU6", "u", ["t"]),
        layer("Power", "v", ["u"], scale=scale),
    ]
    given = {"operation": "PROD", **eltwise}
    return [*layers, layer("Eltwise", "y", list(product), **given)] if product else layers


def divided_last(x, *, scale=SIXTH):
    """Return the layers of a port that divides after the product, around the blob x."""
    return [
        layer("Power", "t", [x], shift=3.0),
        layer("ReLU6", "u", ["t"]),
        layer("Eltwise", "v", [x, "u"], operation="PROD"),
        layer("Power", "y", ["v"], scale=scale),
    ]


def merge(net, rtol=0.0):
    done = FuseHardSwish().apply(net)
    feed = {"data": 4 * np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)}
    before, after = net.forward(feed), done.net.forward(feed)
    for name in net.outputs:
        np.testing.assert_allclose(after[name], before[name], rtol=rtol)
    assert_settled(FuseHardSwish, done.net)
    return done


@pytest.mark.parametrize("product", [("x", "v"), ("v", "x")])
def test_four_layers_become_one(product):
    done = merge(net_of(data(*SHAPE), conv("x", "data", 4), *hard("x", product=product), layer("ReLU", "r", ["y"])))
    assert [each.type for each in done.net.layers] == ["Input", "Convolution", "HSwish", "ReLU"]
    assert done.net.layer("y").bottoms == ("x",)
    assert done.changes[0].text == "part of 'y' (HSwish)"


@pytest.mark.parametrize("beta", [1.0, 1.5])
def test_a_sigmoid_times_its_bottom_is_a_swish(beta):
    scaled = [] if beta == 1 else [layer("Power", "t", ["x"], scale=beta)]
    layers = [*scaled, layer("Sigmoid", "v", ["t" if scaled else "x"])]
    layers.append(layer("Eltwise", "y", ["v", "x"], operation="PROD"))
    done = merge(net_of(data(*SHAPE), conv("x", "data", 4), *layers, layer("ReLU", "r", ["y"])), rtol=3e-7)
    assert [each.type for each in done.net.layers] == ["Input", "Convolution", "Swish", "ReLU"]
    assert done.net.layer("y").params.beta == beta


def test_a_sigmoid_times_another_blob_stays():
    layers = [layer("Sigmoid", "v", ["x"]), layer("Eltwise", "y", ["v", "data"], operation="PROD")]
    net = net_of(data(*SHAPE), conv("x", "data", 4), *layers)
    assert merge(net).net is net


@pytest.mark.parametrize("before", [False, True], ids=["halved last", "halved first"])
def test_gelu_by_the_error_function(before):
    layers = [layer("Power", "t", ["x"], scale=0.70710678), layer("Erf", "e", ["t"])]
    layers.append(layer("Power", "v", ["e"], shift=1.0))
    half = layer("Power", "h" if before else "y", ["x" if before else "p"], scale=0.5)
    product = layer("Eltwise", "y" if before else "p", ["h" if before else "x", "v"], operation="PROD")
    layers += [half, product] if before else [product, half]
    net = net_of(data(*SHAPE), conv("x", "data", 4), *layers, layer("ReLU", "r", ["y"]))
    done = FuseHardSwish().apply(net)
    assert [each.type for each in done.net.layers] == ["Input", "Convolution", "Gelu", "ReLU"]
    assert_same_outputs(net, done.net, rtol=1e-6)
    assert_settled(FuseHardSwish, done.net)


def test_a_quotient_may_come_last():
    net = net_of(data(*SHAPE), conv("x", "data", 4), *divided_last("x"), layer("ReLU", "r", ["y"]))
    # Two products instead of two in another order: each rounds once.
    done = merge(net, rtol=3e-7)
    assert [each.type for each in done.net.layers] == ["Input", "Convolution", "HSwish", "ReLU"]
    assert done.net.layer("y").bottoms == ("x",)


@pytest.mark.parametrize("change", [{"scale": 0.2}, {"kept": "v"}], ids=str)
def test_a_product_without_the_quotient_stays(change):
    layers = divided_last("x", scale=change.get("scale", SIXTH))
    net = net_of(data(*SHAPE), conv("x", "data", 4), *layers, layer("ReLU", "r", [change.get("kept", "y")]))
    done = merge(net)
    assert done.net is net
    assert "no Power after its product divides by 6" in done.refusals[0].text


def test_without_a_product_it_is_a_sigmoid():
    done = merge(net_of(data(*SHAPE), conv("x", "data", 4), *hard("x", product=()), layer("ReLU", "r", ["v"])))
    assert [each.type for each in done.net.layers] == ["Input", "Convolution", "HSigmoid", "ReLU"]


def test_a_product_with_another_blob_stays():
    net = net_of(data(*SHAPE), conv("x", "data", 4), *hard("x", product=("data", "v")))
    assert [each.type for each in merge(net).net.layers] == ["Input", "Convolution", "HSigmoid", "Eltwise"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"shift": 2.0}, "does not add 3"), ({"scale": 0.2}, "divides by 6")],
)
def test_other_numbers_stay(fields, reason):
    net = net_of(data(*SHAPE), conv("x", "data", 4), *hard("x", **fields))
    done = merge(net)
    assert done.net is net
    assert reason in done.refusals[0].text


@pytest.mark.parametrize("kept", ["t", "u"])
def test_blobs_that_others_read_stay(kept):
    net = net_of(data(*SHAPE), conv("x", "data", 4), *hard("x"), layer("ReLU", "r", [kept]))
    assert merge(net).net is net


def test_a_factor_that_others_read_is_a_sigmoid_of_its_own():
    net = net_of(data(*SHAPE), conv("x", "data", 4), *hard("x"), layer("ReLU", "r", ["v"]))
    assert "HSigmoid" in [each.type for each in merge(net).net.layers]
    assert "Eltwise" in [each.type for each in merge(net).net.layers]


@pytest.mark.parametrize("name", ["t", "u", "v"])
def test_layers_that_read_integers_stay(name):
    net = net_of(data(*SHAPE), conv("x", "data", 4), *hard("x"))
    layers = (each.replace(quantized=(Quantized(0.1),)) if each.name == name else each for each in net.layers)
    net = net.replace(layers=tuple(layers))
    assert FuseHardSwish().apply(net).net is net


def test_a_product_of_integers_stays():
    net = net_of(data(*SHAPE), conv("x", "data", 4), *hard("x"))
    product = net.layer("y").replace(quantized=(Quantized(0.1), Quantized(0.01)))
    done = FuseHardSwish().apply(net.replace(layers=(*net.layers[:-1], product)))
    assert [each.type for each in done.net.layers] == ["Input", "Convolution", "HSigmoid", "Eltwise"]
