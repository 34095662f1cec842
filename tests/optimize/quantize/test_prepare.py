"""What is made of a net before it is calibrated: f32 throughout, some activations apart."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for, residual_net
from xdn.layers.quantize import Quantize
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.prepare import prepared

DEFAULT = CalibrationConfig("min-max", correct_bias=False)


def forward(net):
    (batch,) = batches_of(net, at_once=32)()
    return net.with_batch(32).forward(batch)[net.outputs[0]]


def swish_net(activation="Swish", **params):
    """Return a fused net with an activation after a convolution, and one after a sum."""
    return fused(
        net_of(
            data(1, 3, 6, 6),
            conv("a", "data", 4),
            layer(activation, "one", ["a"], **params),
            conv("b", "one", 4),
            layer("Eltwise", "sum", ["b", "one"]),
            layer(activation, "two", ["sum"], **params),
            conv("c", "two", 4),
        )
    )


@pytest.mark.parametrize("activation", ["Swish", "Sigmoid", "TanH", "ELU"])
def test_other_activations_become_layers_and_nothing_else_changes(activation):
    net = swish_net(activation)
    assert [each.name for each in net.layers] == ["data", "a", "b", "c"]
    found = prepared(net, DEFAULT)
    word = activation.lower()
    assert [each.name for each in found.layers] == ["data", "a", f"a/{word}", "b", f"b/{word}", "c"]
    assert found.layer("a").epilogue is None
    assert found.layer("b").epilogue.parts == ("sum",)
    np.testing.assert_array_equal(forward(found), forward(net))
    again = apply_stages(found, stage_names(POST_FUSION))
    assert [(each.name, each.epilogue, each.bottoms, each.tops) for each in again.layers] == [
        (each.name, each.epilogue, each.bottoms, each.tops) for each in net.layers
    ]


@pytest.mark.parametrize("activation", ["ReLU", "PReLU", "ReLU6"])
def test_what_integers_can_take_stays_fused(activation):
    net = swish_net(activation)
    assert prepared(net, DEFAULT).digest == net.digest


def test_an_activation_with_weights_takes_them_along(monkeypatch):
    net = swish_net("PReLU")
    monkeypatch.setattr(type(net.layer("a").epilogue.activation), "same_bits", False)
    found = prepared(net, DEFAULT)
    assert list(found.layer("a/prelu").weights) == ["slope"]
    assert list(found.layer("a").weights) == ["weight", "bias"]
    np.testing.assert_array_equal(forward(found), forward(net))


def test_layers_that_stay_in_f32_stay_fused():
    net = swish_net()
    found = prepared(net, CalibrationConfig(keep_f32=("a",)))
    assert [each.name for each in found.layers] == ["data", "a", "b", "b/swish", "c"]


def test_calibrated_they_read_integers():
    net = swish_net()
    found = calibrate(net, DEFAULT, instruments_for(net))
    assert found.choice.layers == ("a", "a/swish", "b", "b/swish", "c")
    wanted = forward(net)
    assert 0 < np.abs(forward(found.net) - wanted).max() < 0.05 * np.abs(wanted).max()
    stored = apply_stages(found.net, stage_names(POST_FUSION))
    np.testing.assert_array_equal(forward(stored), forward(found.net))
    assert not any(isinstance(each.params, Quantize) for each in stored.layers[2:])


def test_a_calibrated_net_is_calibrated_anew():
    net = residual_net()
    config = CalibrationConfig("min-max", integer_weights=False, correct_bias=False)
    once = calibrate(net, config, instruments_for(net))
    assert prepared(once.net, config).digest == net.digest
    assert calibrate(once.net, config, instruments_for(net)).net.digest == once.net.digest
    rounded = prepared(calibrate(net, DEFAULT, instruments_for(net)).net, config)
    assert all("weight_scale" not in each.weights and not each.quantized for each in rounded.layers)
