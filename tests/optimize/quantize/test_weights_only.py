"""Weights alone in few bits: which layers have them, what f32 nets have the same bits, and what is refused."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.test_storage import reading, same_bits, stored
from xdn.errors import SettingError, WeightsError
from xdn.graph import Bf16, Quantized, WeightsOnly
from xdn.graph.quantized import BITS
from xdn.graph.verify import verify
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.integer import has_integer_weights, weight_values
from xdn.optimize.quantize.bf16 import ReadBf16
from xdn.optimize.quantize.bits import in_real_weights
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.optimize.quantize.prepare import in_f32
from xdn.optimize.quantize.weights_only import with_rounded_weights

ANY = CalibrationConfig()


def chain():
    """Return data -> a -> b -> pool -> c -> d."""
    return net_of(
        data(2, 3, 8, 8),
        conv("a", "data", 4),
        conv("b", "a", 4),
        layer("Pooling", "pool", ["b"], kernel_size=2, stride=2),
        conv("c", "pool", 4),
        layer("InnerProduct", "d", ["c"], num_output=3),
    )


def bits_of(net):
    """Return layer -> the bits of its weights."""
    return {each.name: how.weight_bits for each in net.layers for how in each.quantized}


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_all_layers_with_filters_between_the_ends_have_few_bits(bits):
    found = with_rounded_weights(chain(), bits, ANY)
    assert bits_of(found.net) == {"a": BITS, "b": bits, "c": bits, "d": BITS}
    assert found.choice.layers == ("a", "b", "c", "d")
    assert all(map(has_integer_weights, (found.net.layer(name) for name in "abcd")))
    b = found.net.layer("b")
    assert all(len(np.unique(filters)) <= 2**bits for filters in b.weights["weight"])
    assert np.array_equal(b.weights["bias"], chain().layer("b").weights["bias"])


def test_layers_are_left_out_by_name_and_at_the_ends_and_keep_bf16():
    net = reading(chain(), c=Bf16())
    found = with_rounded_weights(net, 2, CalibrationConfig(keep_f32=("b*",), keep_ends=True))
    assert bits_of(found.net.replace(layers=found.net.layers[:3])) == {}
    assert found.choice.layers == ()
    assert found.choice.kept == {
        "a": "the first and the last layer were to be kept",
        "b": "it was asked for",
        "c": "its line says so",
        "d": "the first and the last layer were to be kept",
    }
    with pytest.raises(SettingError, match="no layer is called 'conv9'"):
        with_rounded_weights(net, 2, CalibrationConfig(keep_f32=("conv9",)))


def test_integers_that_were_read_are_forgotten():
    found = with_rounded_weights(reading(chain(), b=Quantized(0.5)), 4, ANY)
    assert all(isinstance(how, WeightsOnly) for each in found.net.layers for how in each.quantized)


def test_weights_that_are_rounded_are_no_codebooks():
    net = chain()
    marked = net.replace(layers=tuple(each.replace(block=2) if each.name in "bc" else each for each in net.layers))
    found = with_rounded_weights(marked, 4, CalibrationConfig(keep_f32=("c",))).net
    assert [found.layer(name).block for name in "bc"] == [0, 2]
    verify(found)


def test_f32_nets_with_these_weights_compute_the_same_bits(rng):
    """Also of weights that are not rounded yet."""
    net = reading(chain(), a=WeightsOnly(3), c=WeightsOnly(1), d=WeightsOnly())
    for made in (in_real_weights(net), in_f32(net), stored(net).net):
        same_bits(net, made, rng)
        assert not any(each.quantized or "weight_scale" in each.weights for each in made.layers)


@pytest.mark.parametrize(
    ("value", "bits", "message"),
    [
        (np.inf, 8, "the weights are not all finite: they cannot become integers"),
        (
            2.0**127,
            1,
            "filter 0: its weights are too large to become integers. Keep them in f32: delete its weight_bits",
        ),
        (2.0**127, 2, "filter 0: its weights are too large to become integers"),
    ],
)
def test_weights_that_do_not_become_integers_are_refused_by_their_layer(value, bits, message):
    net = reading(chain(), b=WeightsOnly(bits))
    own = net.layer("b").weights
    net = net.with_weights({"b": {**own, "weight": np.full_like(own["weight"], value)}})
    with pytest.raises(WeightsError, match=rf"^layer 'b' \(Convolution\): {message}"):
        in_real_weights(net)


def test_scales_may_give_values_beyond_f32():
    values = weight_values(InnerProduct(num_output=1), np.array([[127, -127, 1]], np.int8), np.float32([2.0**126]))
    assert values.tolist() == [[np.inf, -np.inf, 2.0**126]]


def test_with_bf16_the_values_of_the_integers_are_rounded(rng):
    net = reading(chain(), b=WeightsOnly(2))
    same_bits(ReadBf16().apply(in_real_weights(net)).net, ReadBf16().apply(net).net, rng)
    assert ReadBf16().apply(net).net.layer("b").reads_bf16
