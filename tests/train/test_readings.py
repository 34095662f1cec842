"""Readings of one blob learn one scale, also beyond layers that hand values on."""

from dataclasses import replace

import numpy as np
import torch

from tests.optimize.quantize.calibrating import instruments_for, residual_net
from tests.train.checks import seeded_inputs, tensors
from xdn.graph import ParamSpec
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.train.module import NetModule
from xdn.train.readings import Readings


def calibrated():
    net = residual_net()
    return calibrate(net, CalibrationConfig(correct_bias=False), instruments_for(net)).net


def named(net):
    readings = Readings(net)
    return {layer.name: [name for name, _ in readings.of(layer)] for layer in net.layers if layer.integers}


def test_readings_of_what_is_stored_once_have_one_scale():
    # The stem's maxima are read by the layer "a", and as the residual of "b".
    assert named(calibrated()) == {
        "stem": ["stem:int8-0"],
        "a": ["a:int8-0"],
        "b": ["b:int8-0", "a:int8-0"],
        "average": ["average:int8-0"],
        "fc": ["fc:int8-0"],
    }


def test_weights_of_fewer_bits_change_nothing_of_it():
    net = calibrated()
    a = net.layer("a")
    few = a.replace(quantized=(replace(a.quantized[0], weight_bits=4),))
    net = net.replace(layers=tuple(few if layer is a else layer for layer in net.layers))
    assert named(net) == named(calibrated())
    assert NetModule(net).to_net().layer("a").quantized == few.quantized


def test_readings_by_another_scale_have_their_own():
    net = calibrated()
    b = net.layer("b")
    other = b.replace(quantized=(b.quantized[0], replace(b.quantized[1], scale=0.5)))
    net = net.replace(layers=tuple(other if layer is b else layer for layer in net.layers))
    assert named(net)["b"] == ["b:int8-0", "b:int8-1"]


def test_a_calibrated_net_has_the_bits_of_its_reference_and_comes_back():
    net = calibrated()
    module = NetModule(net).eval()
    inputs = seeded_inputs(net)
    expected = net.forward(inputs)
    with torch.no_grad():
        found = module.blobs(tensors(inputs), [name for name in expected if name != "prob"])
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)
    assert module.to_net().digest == net.digest


def test_scales_that_were_learned_stand_in_the_net():
    net = calibrated()
    module = NetModule(net)
    with torch.no_grad():
        for name in ("a:int8-0", "a:weight_scale", "a:weight"):
            getattr(module, name).mul_(-1.5)
    made = module.to_net()
    assert made.layer("a").quantized == made.layer("b").quantized[1:]
    assert made.layer("a").quantized[0].scale == np.float32(1.5) * np.float32(net.layer("a").quantized[0].scale)
    np.testing.assert_array_equal(made.layer("a").weights["weight_scale"], net.layer("a").weights["weight_scale"] * 1.5)
    np.testing.assert_allclose(made.layer("a").weights["weight"], net.layer("a").weights["weight"] * -1.5, rtol=1e-6)


def test_a_layer_that_is_frozen_keeps_its_scales_those_too_that_others_read_by():
    net = calibrated()
    frozen = net.layer("b").replace(param_specs=(ParamSpec(0.0), ParamSpec(0.0)))
    module = NetModule(net.replace(layers=tuple(frozen if layer.name == "b" else layer for layer in net.layers)))
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    rates = {names[id(parameter)]: spec.lr_mult for parameter, spec in module.trained()}
    assert {name for name, rate in rates.items() if rate == 0} >= {"b:weight", "b:weight_scale", "b:int8-0", "a:int8-0"}
    assert all(rates[name] == 1 for name in ("a:weight", "a:weight_scale", "stem:int8-0", "average:int8-0"))
