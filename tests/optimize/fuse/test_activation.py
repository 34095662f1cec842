"""When an activation goes into the layer before it."""

import pytest

from tests.optimize.building import assert_same_outputs, assert_settled, conv, data, layer, names, net_of
from xdn.graph import Epilogue, Quantized
from xdn.graph.verify import verify
from xdn.layers.relu import ReLU
from xdn.optimize.fuse.activation import FuseActivation
from xdn.optimize.fuse.residual import FuseResidual

SHAPE = (2, 4, 3, 3)


def fuse(net):
    done = FuseActivation().apply(net)
    assert_same_outputs(net, done.net)
    assert_settled(FuseActivation, done.net)
    return done


@pytest.mark.parametrize("slope", [0.0, 0.25])
@pytest.mark.parametrize("head", [conv("c", "data", 4), layer("InnerProduct", "c", ["data"], num_output=4)])
def test_relu(head, slope):
    net = net_of(data(*SHAPE), head, layer("ReLU", "relu", ["c"], negative_slope=slope))
    done = fuse(net)
    assert names(done.net) == ["c"]
    assert done.net.layer("c").epilogue == Epilogue(activation=ReLU(negative_slope=slope))
    assert done.net.outputs == ("relu",)


ACTIVATIONS = {
    "PReLU": {},
    "PReLU shared": {"channel_shared": True},
    "ELU": {"alpha": 0.5},
    "Sigmoid": {},
    "TanH": {},
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("head", [conv("c", "data", 4), layer("InnerProduct", "c", ["data"], num_output=4)])
def test_other_activations(head, name):
    net = net_of(data(*SHAPE), head, layer(name.split()[0], "a", ["c"], **ACTIVATIONS[name]))
    done = fuse(net)
    fused = done.net.layer("c")
    assert names(done.net) == ["c"]
    assert fused.epilogue == Epilogue(activation=net.layer("a").params)
    assert list(fused.weights) == [*net.layer("c").weights, *net.layer("a").weights]
    assert done.net.weight_shapes(fused) == {key: array.shape for key, array in fused.weights.items()}
    verify(done.net)


def test_after_a_fused_sum():
    net = net_of(
        data(*SHAPE), conv("c", "data", 4), layer("Eltwise", "sum", ["data", "c"]), layer("ReLU", "relu", ["sum"])
    )
    done = fuse(FuseResidual().apply(net).net)
    assert names(done.net) == ["c"]
    assert done.net.layer("c").epilogue == Epilogue(residual=True, activation=ReLU())
    assert_same_outputs(net, done.net)


def refused(net, reason, left):
    done = fuse(net)
    assert names(done.net) == left
    assert reason in done.refusals[-1].text


def test_a_slope_that_other_layers_share_stays():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("PReLU", "p", ["c"], shared=["s"]))
    refused(net, "its weights are shared by name", ["c", "p"])


@pytest.mark.parametrize("bare", ["c", "p"])
def test_a_slope_without_weights_on_both_sides_stays(bare):
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("PReLU", "p", ["c"]))
    net = net.replace(layers=tuple(each.replace(weights={}) if each.name == bare else each for each in net.layers))
    done = FuseActivation().apply(net)
    assert names(done.net) == ["c", "p"]
    assert "were not read" in done.refusals[-1].text


def test_not_after_other_layers():
    net = net_of(data(*SHAPE), layer("Pooling", "p", ["data"], kernel_size=2), layer("ReLU", "r", ["p"]))
    refused(net, "'p' (Pooling)", ["p", "r"])


def test_not_where_something_else_reads_the_bottom():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("ReLU", "r", ["c"]), layer("TanH", "t", ["c"]))
    refused(net, "read 2 times", ["c", "r", "t"])


def test_not_where_the_bottom_is_an_output():
    net = net_of(data(*SHAPE), conv("c", "data", 4), layer("ReLU", "r", ["c"]), outputs=["c", "r"])
    refused(net, "is an output", ["c", "r"])


def test_one_activation_only():
    net = net_of(
        data(*SHAPE), conv("c", "data", 4), layer("ReLU", "r1", ["c"], negative_slope=0.5), layer("ReLU", "r2", ["r1"])
    )
    once = FuseActivation().apply(net)
    assert names(once.net) == ["c", "r2"]
    refused(once.net, "ends in a fused activation already", ["c", "r2"])


def reading(net, *readers):
    """Return the net with layers that read 8-bit integers."""
    made = [each.replace(quantized=(Quantized(0.05),)) if each.name in readers else each for each in net.layers]
    return net.replace(layers=tuple(made))


@pytest.mark.parametrize(("kind", "params"), [("ReLU", {"negative_slope": 0.25}), ("ReLU6", {}), ("PReLU", {})])
def test_layers_of_8_bit_integers_take_what_has_the_same_bits_everywhere(kind, params):
    net = reading(net_of(data(*SHAPE), conv("c", "data", 4), layer(kind, "act", ["c"], **params)), "c")
    done = fuse(net)
    assert names(done.net) == ["c"]
    assert done.net.layer("c").quantized == (Quantized(0.05),)


def test_layers_of_8_bit_integers_do_not_take_others():
    net = reading(net_of(data(*SHAPE), conv("c", "data", 4), layer("Sigmoid", "act", ["c"])), "c")
    done = fuse(net)
    assert "takes only what has the same bits on all processors" in done.refusals[0].text


def test_an_activation_that_reads_8_bit_integers_stays():
    net = reading(net_of(data(*SHAPE), conv("c", "data", 4), layer("ReLU", "act", ["c"])), "c", "act")
    done = fuse(net)
    assert "it reads 8-bit integers" in done.refusals[0].text
