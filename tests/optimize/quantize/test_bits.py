"""Integers of fewer bits as layers of 8-bit ones: no bit of a result changes, and nothing is clipped twice."""

import numpy as np

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.test_storage import reading, same_bits, stored
from xdn.element import U8
from xdn.graph import Quantized
from xdn.layers.clip import Clip
from xdn.layers.integer import with_integer_weights
from xdn.optimize.quantize.bits import in_full_bits

FOUR, FULL = Quantized(0.3, bits=4, weight_bits=2), Quantized(0.05)


def branches():
    """Return data -> a -> pool -> b, c -> sum, b and c in fewer bits, the sum of c with a in 8."""
    return net_of(
        data(2, 3, 8, 8),
        conv("a", "data", 4),
        layer("Pooling", "pool", ["a"], pool="MAX", kernel_size=2, stride=2),
        conv("b", "pool", 4),
        conv("c", "pool", 4),
        layer("Eltwise", "sum", ["b", "pool"]),
    )


def test_no_bit_changes(rng):
    net = branches()
    signed = Quantized(0.2, signed=True, bits=3, weight_bits=1)
    net = reading(net, a=signed, b=FOUR, c=FOUR, sum=(FULL, FULL))
    made = in_full_bits(net)
    same_bits(net, made, rng)
    same_bits(net, stored(net).net, rng)
    clips = [each for each in made.layers if isinstance(each.params, Clip)]
    assert [(each.name, each.bottoms) for each in clips] == [("data/s3", ("data",)), ("pool/u4", ("pool",))]
    assert {how for each in made.layers for how in each.integers} == {signed.in_full, FOUR.in_full, FULL}


def test_what_all_read_in_fewer_bits_is_stored_in_bytes():
    net = stored(reading(branches(), a=FULL, b=FOUR, c=FOUR)).net
    assert net.blobs["pool/u4"].element == U8
    assert net.layer("pool/u4").quantized == net.layer("pool/u4").stored == (FOUR.in_full,)


def test_weights_are_those_of_their_bits():
    net = reading(branches(), b=FOUR)
    made = in_full_bits(net).layer("b")
    expected = with_integer_weights(net.layer("b"))
    assert all(np.array_equal(made.weights[name], array) for name, array in expected.weights.items())


def test_a_net_of_8_bits_is_left_alone():
    net = reading(branches(), a=FULL)
    assert in_full_bits(net) is net
