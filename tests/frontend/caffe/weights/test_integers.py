"""Weights as 8-bit integers in a file: what is written, what comes back, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.optimize.quantize.nets import calibrated_nets
from xdn.errors import ParseError, WeightsError
from xdn.frontend import load, save, wire
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt, schema
from xdn.frontend.caffe.weights.assign import assign_weights
from xdn.frontend.caffe.weights.blobproto import StoredBlob, read_blob
from xdn.frontend.caffe.weights.caffemodel import read_caffemodel
from xdn.frontend.weights import random_weights
from xdn.frontend.wire import Span
from xdn.graph.sharing import with_true_names
from xdn.graph.verify import verify
from xdn.layers.integer import rounded_weight, with_integer_weights
from xdn.optimize.check import seeded_batch

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 8 dim: 5 dim: 5 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 2 }
  xdn_param { int8 { scale: 0.03 signed: true } }
}
layer { name: "p" type: "Convolution" bottom: "c" bottom: "data" top: "p"
  convolution_param { num_output: 8 kernel_size: 1 }
  xdn_param { activation: "PReLU" projection { num_output: 8 kernel_size: 1 } }
  xdn_param { int8 { scale: 0.04 } }
  xdn_param { int8 { scale: 0.03 signed: true } }
}
layer { name: "f" type: "InnerProduct" bottom: "p" top: "f" inner_product_param { num_output: 7 transpose: true }
  xdn_param { int8 { scale: 0.05 } }
}
"""


def net_of(text=NET):
    return net_from_message(prototxt.parse(text))


@pytest.fixture
def net():
    made = random_weights(net_of())
    return made.replace(layers=tuple(map(with_integer_weights, made.layers)))


def entries_of(content):
    """Return number -> entry of a message's fields."""
    return {entry.number: entry for entry in wire.entries(Span(memoryview(content), 0, len(content), ""))}


def write(net, folder):
    save(net, folder / "net.prototxt", folder / "net.caffemodel")
    return folder / "net.prototxt", folder / "net.caffemodel"


def test_files_hold_one_byte_a_weight_and_come_back_to_the_bit(net, tmp_path):
    verify(net)
    path, weights = write(net, tmp_path)
    again = load(path, weights)
    assert again.digest == net.digest
    for before, after in zip(net.layers, again.layers, strict=True):
        assert set(before.weights) == set(after.weights)
        assert all(np.array_equal(before.weights[name], array) for name, array in after.weights.items())
    numbers = sum(array.size for layer in net.layers for name, array in layer.weights.items() if name[-6:] == "weight")
    others = sum(array.nbytes for layer in net.layers for name, array in layer.weights.items() if name[-6:] != "weight")
    assert numbers + others < weights.stat().st_size < numbers + others + 700


def test_the_fields_are_those_that_are_documented(net, tmp_path):
    content = write(net, tmp_path)[1].read_bytes()
    message = schema.new("NetParameter")
    message.MergeFromString(content)
    c = net.layer("c")
    blob = message.layer[0].blobs[0]
    assert (tuple(blob.shape.dim), len(blob.data)) == ((8, 4, 3, 3), 0)
    encoded = blob.SerializeToString()
    entries = {each.number: each.value for each in wire.entries(wire.Span(memoryview(encoded), 0, len(encoded), "b"))}
    integers = np.frombuffer(encoded, np.int8, entries[20190].size, entries[20190].start).reshape(8, 4, 3, 3)
    scales = np.frombuffer(encoded, "<f4", 8, entries[20191].start)
    assert np.array_equal(scales, c.weights["weight_scale"])
    assert np.array_equal(integers * scales.reshape(-1, 1, 1, 1), c.weights["weight"])
    assert [len(each.data) for each in message.layer[0].blobs] == [0, 8]


def test_weights_that_are_not_whole_multiples_are_f32_with_their_scales(net, tmp_path):
    c = net.layer("c")
    weight = c.weights["weight"].copy()
    weight[0, 0, 0, 0] *= np.float32(1.001)
    net = net.with_weights({"c": {**c.weights, "weight": weight}})
    path, weights = write(net, tmp_path)
    found = read_caffemodel(weights)["c"][0]
    assert found.data.dtype == np.float32
    assert load(path, weights).digest == net.digest


def test_f32_weights_have_no_scales(tmp_path):
    net = random_weights(net_of())
    path, weights = write(net, tmp_path)
    again = load(path, weights)
    assert again.digest == net.digest
    assert not any("scale" in name for layer in again.layers for name in layer.weights)


def test_a_layer_that_is_put_back_to_f32_has_the_values_of_the_integers(net, tmp_path):
    path, weights = write(net, tmp_path)
    text = path.read_text().replace("  xdn_param { int8 { scale: 0.03 signed: true } }\n", "", 1)
    path.write_text(text)
    again = load(path, weights)
    assert (again.layer("c").quantized, set(again.layer("c").weights)) == ((), {"weight", "bias"})
    assert np.array_equal(again.layer("c").weights["weight"], net.layer("c").weights["weight"])
    assert again.layer("f").quantized


def blob(shape, scales, dtype=np.int8):
    return StoredBlob(shape, np.ones(shape, dtype), scales=np.asarray(scales, np.float32))


@pytest.mark.parametrize(
    ("blobs", "message"),
    [
        ([blob((2, 4), [1])], "weight has scales for 1 filters; there are 2"),
        ([blob((2, 4), [1, 0])], "a scale of weight is not between"),
        ([blob((2, 4), [1, np.nan])], "a scale of weight is not between"),
        ([blob((2, 4), [-1, 1], np.float32)], "a scale of weight is not between"),
        ([StoredBlob((2, 4), np.ones((2, 4), np.float32)), blob((2,), [1, 1])], "bias has scales, which only filters"),
        ([blob((2, 3), [1, 1])], r"weight: expected the shape \(2, 4\), found \(2, 3\)"),
    ],
)
def test_integers_that_are_refused(blobs, message):
    net = net_of(
        """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
        layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 2 }
          xdn_param { int8 { scale: 1 } } }"""
    )
    rest = (StoredBlob((2,), np.zeros(2, np.float32)),)[len(blobs) - 1 :]
    with pytest.raises(WeightsError, match=rf"layer 'f' \(InnerProduct\): {message}"):
        assign_weights(net, {"f": (*blobs, *rest)}, "file")


def test_masks_multiply_integers():
    """Forks store masks of pruning after the weights."""
    net = net_of(
        """layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }
        layer { name: "f" type: "InnerProduct" bottom: "data" top: "f"
          inner_product_param { num_output: 2 bias_term: false } }"""
    )
    mask = np.array([[1, 0, 1, 0], [0, 1, 1, 1]], np.float32)
    made = assign_weights(net, {"f": (blob((2, 4), [0.5, 2]), StoredBlob((2, 4), mask))}, "file")
    assert np.array_equal(made.layer("f").weights["weight"], mask * np.float32([[0.5], [2]]))


def test_layers_that_share_weights_come_back_to_the_bit(tmp_path):
    shared = 'param { name: "w" } param { name: "b" } convolution_param { num_output: 8 kernel_size: 1 }'
    text = "".join(
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" {shared} '
        f"xdn_param {{ int8 {{ scale: {scale} }} }} }}\n"
        for name, bottom, scale in (("a", "data", 0.5), ("b", "a", 0.25))
    )
    image = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 8 dim: 5 dim: 5 } } }\n'
    net = random_weights(net_of(image + text))
    net = net.replace(layers=tuple(map(with_integer_weights, net.layers)))
    again = load(*write(net, tmp_path))
    assert np.shares_memory(again.layer("a").weights["weight"], again.layer("b").weights["weight"])
    assert again.digest == net.digest


@seed(20190625)
@settings(max_examples=40, deadline=None, database=None)
@given(calibrated_nets(), st.booleans())
def test_any_net_comes_back_to_the_bit(tmp_path_factory, net, rounded):
    if rounded:
        net = with_true_names(net.replace(layers=tuple(map(with_integer_weights, net.layers))))
    again = load(*write(net, tmp_path_factory.mktemp("net")))
    assert [each.quantized for each in again.layers] == [each.quantized for each in net.layers]
    batch = seeded_batch(net)
    before, after = net.forward(batch), again.forward(batch)
    for one, two in zip(net.layers, again.layers, strict=True):
        for old, new in zip(one.tops, two.tops, strict=True):
            assert np.array_equal(before[old], after[new], equal_nan=True)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6])
def test_weights_of_fewer_bits_are_packed_and_come_back_to_the_bit(bits, tmp_path):
    net = random_weights(net_of(NET.replace("scale: 0.03 ", f"scale: 0.03 weight_bits: {bits} ")))
    assert [how.weight_bits for layer in net.layers for how in layer.integers] == [bits, 8, bits, 8]
    net = net.replace(layers=tuple(map(with_integer_weights, net.layers)))
    path, weights = write(net, tmp_path)
    again = load(path, weights)
    assert again.digest == net.digest
    message = schema.new("NetParameter")
    message.MergeFromString(weights.read_bytes())
    fields = entries_of(message.layer[0].blobs[0].SerializeToString())
    integers = rounded_weight(net.layer("c").params, net.layer("c").weights["weight"], np.ones(8, np.float32), bits)
    assert fields[20193].integer() == bits
    assert fields[20192].value.size == -(-integers.size * bits // 8)
    assert 20190 not in fields


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_weights_alone_of_few_bits_come_back_to_the_bit(bits, tmp_path):
    text = NET.replace("int8 { scale: 0.03 signed: true }", f"weight_bits: {bits}")
    net = random_weights(net_of(text.replace("int8 { scale: 0.04 }", f"weight_bits: {bits}")))
    assert [how.weight_bits for layer in net.layers if layer.rounds_weights_only for how in layer.quantized] == [
        bits
    ] * 3
    rounded = net.replace(layers=tuple(map(with_integer_weights, net.layers)))
    path, weights = write(rounded, tmp_path)
    assert f"  xdn_param {{ weight_bits: {bits} }}\n" in path.read_text()
    again = load(path, weights)
    assert again.digest == rounded.digest
    assert [each.quantized for each in again.layers] == [each.quantized for each in net.layers]
    packed = sum(-(-count * bits // 8) for count in (8 * 4 * 9, 8 * 8, 8 * 8)) + 7 * 200
    assert weights.stat().st_size < packed + 4 * (8 + 2 * 8 + 8 + 8 * 2 + 7 + 1 + 24) + 700
    batch = seeded_batch(net)
    assert np.array_equal(net.forward(batch)["f"], again.forward(batch)["f"])


def test_weights_that_no_bits_hold_stay_f32(tmp_path):
    net = random_weights(net_of(NET.replace("scale: 0.03 ", "scale: 0.03 weight_bits: 2 ")))
    again = load(*write(net, tmp_path))
    np.testing.assert_array_equal(again.layer("c").weights["weight"], net.layer("c").weights["weight"])


def packed_blob(numbers, data, bits):
    """Return a BlobProto of so many integers, of which only one byte too many or too few may be wrong."""
    shape = wire.encode_bytes(7, wire.encode_varints(1, (numbers,)))
    scales = wire.encode_bytes(20191, np.ones(1, "<f4").tobytes())
    return shape + scales + wire.encode_varint(20193 << 3) + wire.encode_varint(bits) + wire.encode_bytes(20192, data)


@pytest.mark.parametrize(
    ("numbers", "data", "bits", "said"),
    [
        (5, b"\0", 2, "holds 4 numbers instead of 5"),
        (5, b"\0" * 3, 2, "holds 12 numbers instead of 5"),
        (5, b"\0", 0, "packed in 0 bits; 1 to 7 are possible"),
        (1, b"\0", 8, "packed in 8 bits; 1 to 7 are possible"),
    ],
)
def test_packed_integers_that_mean_nothing_are_refused(numbers, data, bits, said):
    content = packed_blob(numbers, data, bits)
    with pytest.raises(ParseError, match=said):
        read_blob(Span(memoryview(content), 0, len(content), "net.caffemodel"))
    good = packed_blob(5, b"\xe4\x01", 2)
    assert read_blob(Span(memoryview(good), 0, len(good), "")).data.tolist() == [0, 1, -2, -1, 1]


def bytes_tag(number):
    """Return the bytes with which a field of bytes begins."""
    return wire.encode_varint(number << 3 | wire.BYTES)


def test_bits_without_packed_integers_are_refused_and_these_without_bits():
    content, tag = packed_blob(5, b"\xe4\x01", 2), wire.encode_varint(20193 << 3)
    alone, swapped = content.replace(tag + b"\x02", b""), content.replace(*map(bytes_tag, (20192, 20190)))
    assert len({content, alone, swapped}) == 3
    for wrong in (alone, swapped):
        with pytest.raises(ParseError, match="do not stand together"):
            read_blob(Span(memoryview(wrong), 0, len(wrong), "net.caffemodel"))
