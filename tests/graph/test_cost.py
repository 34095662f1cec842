"""The cost of layers and nets, counted by hand."""

import pytest

from tests.graph.nets import residual_net
from xdn.graph import Bf16, Epilogue, Quantized
from xdn.graph.cost import Cost, layer_cost, net_cost
from xdn.layers.integer import with_integer_weights
from xdn.layers.prelu import PReLU

CONV = Cost(macs=36 * 4 * 27, parameters=4 * 27 + 4, weight_bytes=4 * (4 * 27 + 4), top_bytes=4 * 144)
CLASSIFIER = Cost(macs=5 * 144, parameters=5 * 144 + 5, weight_bytes=4 * (5 * 144 + 5), top_bytes=4 * 5)
MAP = Cost(top_bytes=4 * 144)
DATA = Cost(top_bytes=4 * 3 * 36)


def test_layers_cost_by_the_image():
    for batch in (1, 2, 5):
        net = residual_net().with_batch(batch)
        assert layer_cost(net, net.layer("conv")) == CONV
        assert layer_cost(net, net.layer("fc")) == CLASSIFIER
        assert layer_cost(net, net.layer("relu")) == MAP


def test_a_fused_slope_counts():
    net = residual_net()
    fused = net.layer("conv").replace(epilogue=Epilogue(activation=PReLU()))
    net = net.replace(layers=tuple(fused if each.name == "conv" else each for each in net.layers)).with_batch(1)
    assert layer_cost(net, net.layer("conv")) == CONV + Cost(parameters=4, weight_bytes=16)


def test_a_fused_projection_counts():
    net = residual_net()
    conv = net.layer("conv")
    fused = conv.replace(bottoms=conv.bottoms * 2, epilogue=Epilogue(projection=conv.params))
    net = net.replace(layers=tuple(fused if each is conv else each for each in net.layers))
    twice = Cost(2 * CONV.macs, 2 * CONV.parameters, 2 * CONV.weight_bytes, CONV.top_bytes)
    for batch in (1, 2):
        assert layer_cost(net.with_batch(batch), fused) == twice


@pytest.mark.parametrize("whole", [False, True], ids=["f32 weights", "integer weights"])
def test_integers_take_a_byte_a_weight_and_their_scales(whole):
    net = residual_net().with_batch(1)
    conv = net.layer("conv").replace(quantized=(Quantized(0.1),))
    conv = with_integer_weights(conv) if whole else conv
    net = net.replace(layers=tuple(conv if each.name == "conv" else each for each in net.layers))
    cost = layer_cost(net, net.layer("conv"))
    # A scale and a bias a filter.
    assert (cost.parameters, cost.weight_bytes) == (CONV.parameters, 4 * 27 + 4 * 4 + 4 * 4)
    assert cost.macs == CONV.macs


def test_bf16_takes_two_bytes_a_weight_and_its_bias_four():
    net = residual_net().with_batch(1)
    conv = net.layer("conv").replace(quantized=(Bf16(),))
    net = net.replace(layers=tuple(conv if each.name == "conv" else each for each in net.layers))
    assert layer_cost(net, net.layer("conv")).weight_bytes == 2 * 4 * 27 + 4 * 4


def test_a_fused_projection_has_scales_of_its_own():
    net = residual_net()
    conv = net.layer("conv")
    epilogue = Epilogue(projection=conv.params)
    fused = conv.replace(bottoms=conv.bottoms * 2, epilogue=epilogue, quantized=(Quantized(0.1), Quantized(0.2)))
    net = net.replace(layers=tuple(fused if each is conv else each for each in net.layers))
    assert layer_cost(net, fused).weight_bytes == 2 * (4 * 27 + 4 * 4 + 4 * 4)


def test_a_net_costs_what_its_layers_cost():
    net = residual_net(with_weights=False)
    assert sum(layer_cost(net, layer).macs for layer in net.layers) == CONV.macs + CLASSIFIER.macs
    weighted = [CONV, MAP, MAP, CLASSIFIER]
    total = net_cost(net)
    assert total.macs == sum(cost.macs for cost in weighted)
    assert total.parameters == sum(cost.parameters for cost in weighted)
    assert total.weight_bytes == 4 * total.parameters


def test_the_caller_s_blobs_count_as_tops():
    net = residual_net().with_batch(1)
    assert layer_cost(net, net.layer("data")) == DATA
    assert net_cost(net) == DATA + CONV + MAP + MAP + CLASSIFIER


def test_shared_weights_count_once():
    net = residual_net()
    fc = net.layer("fc").replace(shared=("w", "b"))
    twin = fc.replace(name="twin", tops=("twin",))
    shared = net.replace(layers=(*net.layers[:-1], fc, twin), outputs=())
    apart = net.replace(layers=(*net.layers[:-1], fc, twin.replace(shared=("", ""))), outputs=())
    assert net_cost(shared).parameters == CONV.parameters + CLASSIFIER.parameters
    assert net_cost(apart).parameters == CONV.parameters + 2 * CLASSIFIER.parameters
    assert net_cost(shared).macs == net_cost(apart).macs == CONV.macs + 2 * CLASSIFIER.macs
