"""Bias correction: the mean of each channel is that of the f32 net, layer after layer."""

from dataclasses import replace

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for, residual_net
from xdn import settings
from xdn.graph import Quantized
from xdn.graph.cost import net_cost
from xdn.layers import integer
from xdn.optimize.quantize.bias import correction_images, with_corrected_biases
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.instruments import Instruments

PLAIN = CalibrationConfig("min-max", correct_bias=False, integer_weights=False)


def images_for(net):
    (batch,) = batches_of(net, at_once=32)()
    return batch


def before_activation(net, name):
    """Return the net that ends with what a layer gives before the activation that is fused to it."""
    at = [each.name for each in net.layers].index(name)
    last = net.layers[at]
    bare = last.replace(epilogue=None) if last.epilogue and not last.epilogue.reads else last
    return net.replace(layers=(*net.layers[:at], bare), outputs=bare.tops)


def means(net, name, images):
    """Return the mean of each channel of a layer's result, before its activation."""
    (found,) = (before_activation(net, name).with_batch(32).forward(images)[top] for top in net.layer(name).tops)
    return found.mean(axis=tuple(axis for axis in range(found.ndim) if axis != 1), dtype=np.float64)


def most_left(net, name):
    """Return by how much a corrected mean may be off: half of what 1 stands for in sums, and what f32 rounds."""
    layer = net.layer(name)
    scales = integer.weight_scales(layer.params, layer.weights, layer.quantized[0])
    return 0.51 * layer.quantized[0].scale * scales.max() + 1e-6


def test_by_hand():
    """A layer of one input and one filter: w = 0.6 is read as 1 * 0.6, x = 0.4 as 0, 0.7 as 1."""
    weights = {"weight": np.full((1, 1), 0.6, np.float32), "bias": np.zeros(1, np.float32)}
    net = net_of(data(2, 1, name="x"), layer("InnerProduct", "ip", ["x"], num_output=1, weights=weights))
    quantized = net.replace(layers=(net.layers[0], net.layers[1].replace(quantized=(Quantized(1.0),))))
    images = Instruments(lambda: [{"x": np.array([[0.4], [0.7]], np.float32)}])
    found = with_corrected_biases(quantized, net, images)
    # In the mean 0.6 (0.55 - 0.5).
    assert found.layer("ip").weights["bias"] == pytest.approx(0.6 * 0.05)


@pytest.mark.parametrize("bias_term", [False, True])
def test_means_are_those_of_the_f32_net(bias_term):
    net = fused(
        net_of(
            data(1, 3, 8, 8),
            conv("a", "data", 6, kernel=3, bias_term=bias_term),
            layer("PReLU", "relu", ["a"]),
            conv("b", "relu", 6, kernel=3, pad=1, group=2, bias_term=bias_term),
            layer("InnerProduct", "fc", ["b"], num_output=4, bias_term=bias_term),
        )
    )
    images = images_for(net)
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    corrected = with_corrected_biases(quantized, net, instruments_for(net))
    for name in ("a", "b", "fc"):
        wanted = means(net, name, images)
        before, after = (np.abs(means(each, name, images) - wanted).max() for each in (quantized, corrected))
        # What is left: the rounding of the bias to the sums' integers, and of sums to f32.
        assert after < before / 4
        assert list(corrected.layer(name).weights)[:2] == ["weight", "bias"]
    np.testing.assert_array_equal(corrected.layer("a").weights["weight"], net.layer("a").weights["weight"])


def test_a_residual_counts():
    net = residual_net()
    images = images_for(net)
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    corrected = with_corrected_biases(quantized, net, instruments_for(net))
    wanted = net.with_batch(32).forward(images)["fc"].mean(axis=0)
    before, after = (
        np.abs(each.with_batch(32).forward(images)["fc"].mean(axis=0) - wanted).max() for each in (quantized, corrected)
    )
    assert after < before / 4


def test_layers_that_share_weights_and_layers_in_f32_stay():
    net = net_of(
        data(1, 3, 5, 5),
        conv("a", "data", 3, shared=("w", "b")),
        conv("b", "a", 3, shared=("w", "b")),
        conv("c", "b", 3),
        conv("d", "c", 3),
    )
    config = replace(PLAIN, keep_f32=("c",))
    corrected = with_corrected_biases(calibrate(net, config, instruments_for(net)).net, net, instruments_for(net))
    changed = [
        each.name
        for each in net.layers
        if "bias" in each.weights
        and not np.array_equal(each.weights["bias"], corrected.layer(each.name).weights["bias"])
    ]
    assert changed == ["d"]


def test_an_axis_that_is_not_that_of_channels_stays():
    """Filters along the last of three axes: the bias is not one a channel."""
    net = net_of(data(1, 3, 5, name="x"), layer("InnerProduct", "ip", ["x"], num_output=4, axis=2))
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    assert quantized.layer("ip").quantized
    assert with_corrected_biases(quantized, net, instruments_for(net)).digest == quantized.digest


def test_larger_nets_are_looked_at_on_fewer_images(monkeypatch):
    net = residual_net()
    assert correction_images(net) == settings.CORRECTION_IMAGES
    cost = net_cost(net)
    monkeypatch.setattr(settings, "CORRECTION_BYTES", 5 * cost.top_bytes)
    assert correction_images(net) == 5
    macs = cost.macs + settings.CORRECTION_MACS_A_WEIGHT * cost.parameters
    monkeypatch.setattr(settings, "CORRECTION_MACS", 3 * macs)
    assert correction_images(net) == 3
    monkeypatch.setattr(settings, "CORRECTION_MACS", 1)
    assert correction_images(net) == 1


def test_batches_change_nothing():
    """But for the rounding of a sum of means: in f64, so that no bias changes by more than its own rounding."""
    net = residual_net()
    quantized = calibrate(net, PLAIN, instruments_for(net)).net
    first, *others = (
        with_corrected_biases(quantized, net, instruments_for(net, at_once=at_once)) for at_once in (32, 8, 7)
    )
    for other in others:
        for each in first.layers:
            if "bias" in each.weights:
                np.testing.assert_allclose(other.layer(each.name).weights["bias"], each.weights["bias"], atol=1e-6)
