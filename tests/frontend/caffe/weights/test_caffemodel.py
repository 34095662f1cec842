"""caffemodel files: Caffe's own read as protobuf reads them, ours read by protobuf, damage refused by byte."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdn.settings
from xdn.errors import ParseError, XdnError
from xdn.frontend import load, wire
from xdn.frontend.caffe.text import schema
from xdn.frontend.caffe.weights.caffemodel import decode, read_caffemodel, write_caffemodel
from xdn.frontend.wire import Span

NET = """name: "n"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 5 dim: 5 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "p" type: "PReLU" bottom: "c" top: "c" prelu_param { channel_shared: true } }
layer { name: "i" type: "InnerProduct" bottom: "c" top: "i" inner_product_param { num_output: 2 bias_term: false } }
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return load(path, random_weights=True)


@pytest.mark.parametrize("folder", ["resnet20", "cifar10_full"])
def test_files_of_caffe_hold_what_protobuf_finds(material, folder):
    path = material("models", folder, f"{folder}.caffemodel")
    message = schema.new("NetParameter")
    message.MergeFromString(path.read_bytes())
    layers = [layer for layer in (*message.layer, *message.layers) if layer.blobs]
    stored = read_caffemodel(path)
    assert list(stored) == [layer.name for layer in layers]
    for layer in layers:
        for found, blob in zip(stored[layer.name], layer.blobs, strict=True):
            assert found.legacy is blob.HasField("num")
            old = (blob.num, blob.channels, blob.height, blob.width)
            assert found.shape == (old if found.legacy else tuple(blob.shape.dim))
            assert np.array_equal(found.data.ravel(), np.array(blob.data, np.float32))


def test_only_wanted_layers_are_copied_but_all_are_named(material):
    path = material("models", "cifar10_full", "cifar10_full.caffemodel")
    stored = read_caffemodel(path, {"conv2", "none"})
    assert set(stored) == set(read_caffemodel(path))
    assert {name: len(blobs) for name, blobs in stored.items() if blobs} == {"conv2": 2}


def test_written_file_is_protobufs_and_reads_back(net, tmp_path):
    path = tmp_path / "w.caffemodel"
    write_caffemodel(path, net)
    message = schema.new("NetParameter")
    message.MergeFromString(path.read_bytes())
    assert message.name == "n"
    assert [(la.name, la.type, len(la.blobs)) for la in message.layer] == [
        ("c", "Convolution", 2),
        ("p", "PReLU", 1),
        ("i", "InnerProduct", 1),
    ]
    assert list(message.layer[1].blobs[0].shape.dim) == []
    for name, blobs in read_caffemodel(path).items():
        for (_, array), blob in zip(net.layer(name).weights.items(), blobs, strict=True):
            assert blob.shape == array.shape
            assert np.array_equal(blob.data, array)


def test_of_a_name_that_stands_twice_the_last_counts():
    message = schema.new("NetParameter")
    for value in (1.0, 2.0):
        message.layer.add(name="a").blobs.add().data.append(value)
    content = message.SerializeToString()
    assert decode(Span(memoryview(content), 0, len(content), "f"))["a"][0].data == [2.0]


def blob_bytes(*values):
    """Return a BlobProto of the time of V0: num, channels, height, width, and the numbers unpacked."""
    extents = b"".join(wire.encode_varint(number << 3) + wire.encode_varint(1) for number in (1, 2, 3))
    extents += wire.encode_varint(4 << 3) + wire.encode_varint(len(values))
    return extents + b"".join(wire.encode_varint(5 << 3 | wire.FIXED32) + np.float32(v).tobytes() for v in values)


def v0_bytes(name, *blobs):
    return wire.encode_bytes(1, name) + b"".join(wire.encode_bytes(50, blob_bytes(*blob)) for blob in blobs)


def decoded(*layers):
    """Return name -> lists of numbers of the net whose field `layers` (V0 and V1) holds these messages."""
    content = b"".join(wire.encode_bytes(2, layer) for layer in layers)
    stored = decode(Span(memoryview(content), 0, len(content), "f"))
    assert all(blob.legacy for blobs in stored.values() for blob in blobs)
    return {name: [blob.data.ravel().tolist() for blob in blobs] for name, blobs in stored.items()}


def test_v0_layers_stand_inside_v1_layers():
    bottom = wire.encode_bytes(2, b"data")
    first = wire.encode_bytes(1, v0_bytes(b"conv1", [1, 2], [3])) + bottom
    second = bottom + wire.encode_bytes(1, v0_bytes(b"fc", [4]))
    assert decoded(first, wire.encode_bytes(1, v0_bytes(b"relu")), second) == {"conv1": [[1, 2], [3]], "fc": [[4]]}


def test_v1_layers_have_their_own_and_mix_with_v0():
    own = wire.encode_bytes(4, b"v1") + wire.encode_bytes(6, blob_bytes(5, 6))
    old = wire.encode_bytes(1, v0_bytes(b"v0", [7]))
    assert decoded(own, old) == {"v1": [[5, 6]], "v0": [[7]]}
    # Of a layer that has both, Caffe's upgrade takes what V0 says.
    assert decoded(own + old) == decoded(old + own) == {"v0": [[7]]}


def test_field_1_of_a_current_layer_is_its_name():
    content = wire.encode_bytes(100, wire.encode_bytes(1, b"a") + wire.encode_bytes(7, blob_bytes(1)))
    assert list(decode(Span(memoryview(content), 0, len(content), "f"))) == ["a"]


def test_v0_files_as_protobuf_writes_them():
    message = schema.new("NetParameter")
    layer = message.layers.add(bottom=["data"], top=["conv1"]).layer
    layer.name, layer.type = "conv1", "conv"
    layer.blobs.add(num=1, channels=1, height=1, width=2).data.extend([1.0, 2.0])
    content = message.SerializeToString()
    (blob,) = decode(Span(memoryview(content), 0, len(content), "f"))["conv1"]
    assert (blob.shape, blob.data.ravel().tolist()) == ((1, 1, 1, 2), [1, 2])


def test_v0_blobs_are_bounded(monkeypatch):
    monkeypatch.setattr(xdn.settings, "MAX_LAYER_BLOBS", 1)
    with pytest.raises(ParseError, match="more than 1 blobs"):
        decoded(wire.encode_bytes(1, v0_bytes(b"a", [1], [2])))


def test_every_cut_is_noticed_or_ends_between_layers(net, tmp_path):
    path = tmp_path / "w.caffemodel"
    write_caffemodel(path, net)
    content = path.read_bytes()
    refused = []
    for size in range(1, len(content), 7):
        path.write_bytes(content[:size])
        with contextlib.suppress(ParseError):
            read_caffemodel(path)
            continue
        refused.append(size)
    # Only a cut between two layers leaves a file that is right in itself.
    assert len(refused) >= len(range(1, len(content), 7)) - 3


def test_bounds(net, tmp_path, monkeypatch):
    path = tmp_path / "w.caffemodel"
    write_caffemodel(path, net)
    for name, value, word in [
        ("MAX_LAYER_BLOBS", 1, "more than 1 blobs"),
        ("MAX_LAYERS", 2, "more than 2 layers"),
        ("MAX_CAFFEMODEL_BYTES", 100, "at most 100"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(xdn.settings, name, value)
            with pytest.raises(ParseError, match=word):
                read_caffemodel(path)


def test_other_files(tmp_path):
    path = tmp_path / "w.caffemodel"
    path.write_bytes(b"")
    assert read_caffemodel(path) == {}
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ParseError, match="byte"):
        read_caffemodel(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_bytes_give_blobs_or_a_typed_error(data):
    message = schema.new("NetParameter")
    for name in ("a", "b"):
        for extent in (3, 2):
            blob = message.layer.add(name=name, type="T").blobs.add()
            blob.shape.dim.append(extent)
            blob.data.extend([1.0] * extent)
    old = message.layers.add(name="c").blobs.add(num=1, channels=1, height=1, width=2)
    old.double_data.extend([1.0, 2.0])
    content = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        stored = decode(Span(memoryview(bytes(content)), 0, len(content), "f"))
    except XdnError:
        return
    assert all(blob.data.shape == blob.shape for blobs in stored.values() for blob in blobs)
