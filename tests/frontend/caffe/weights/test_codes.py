"""Codebooks in files: what is written, what comes back, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from xdn.errors import NetError, ParseError, XdnError
from xdn.frontend import load, save, wire
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.weights.blobproto import encode_blob_head, read_blob
from xdn.frontend.weights import random_weights
from xdn.frontend.wire import Span
from xdn.graph.codebook import Codebook

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 8 dim: 5 dim: 5 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 64 kernel_size: 3 }
  xdn_param { codebook { block: 9 } }
}
layer { name: "f" type: "InnerProduct" bottom: "c" top: "f" inner_product_param { num_output: 6 }
  xdn_param { codebook { block: 4 } }
}
"""


def coded_net():
    """Return a net whose convolution has the weight of a codebook, and whose last layer says so without having one."""
    net = random_weights(net_from_message(prototxt.parse(NET)))
    rng = np.random.default_rng(0)
    made = Codebook(rng.standard_normal((5, 9)).astype(np.float16), rng.integers(0, 5, 512).astype(np.uint8))
    weight = made.weight((64, 8, 3, 3))
    return net.with_weights({"c": {**net.layer("c").weights, "weight": weight}})


def test_files_hold_a_byte_a_block_and_give_the_same_bits(tmp_path):
    net, path, weights = coded_net(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    save(net, path, weights)
    assert path.read_text().count("xdn_param { codebook { block: 9 } }") == 1
    found = load(path, weights)
    assert found.digest == net.digest
    fc = net.layer("f").weights["weight"]
    f32 = sum(array.nbytes for each in net.layers for array in each.weights.values())
    # What stands beside the numbers: names, types, shapes, tags.
    assert weights.stat().st_size - (f32 - 64 * 72 * 4 + 512 + 5 * 9 * 2) < 120
    assert found.layer("f").weights["weight"].tobytes() == fc.tobytes()


def test_without_its_line_a_layer_has_the_values_in_f32(tmp_path):
    net, path, weights = coded_net(), tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    save(net, path, weights)
    path.write_text(path.read_text().replace("xdn_param { codebook { block: 9 } }", ""))
    found = load(path, weights)
    assert found.layer("c").weights["weight"].tobytes() == net.layer("c").weights["weight"].tobytes()
    save(found, path, tmp_path / "f32.caffemodel")
    assert (tmp_path / "f32.caffemodel").stat().st_size > weights.stat().st_size + 3 * 64 * 72


def test_a_line_without_a_length_is_refused():
    with pytest.raises(NetError, match=r"layer 'c'.*its codebook says no block length"):
        net_from_message(prototxt.parse(NET.replace("block: 9", "")))


def blob(centroids, codes, shape):
    """Return a BlobProto of these centroids (k, block) and codes."""
    codebook = Codebook(np.asarray(centroids, np.float16), np.asarray(codes, np.uint8))
    return encode_blob_head(shape, codebook=codebook)[0] + codebook.codes.tobytes()


def read(content):
    return read_blob(Span(memoryview(content), 0, len(content), "net.caffemodel"))


VALID = blob([[1, 2], [3, 4]], [0, 1, 1], (3, 2))


def test_a_blob_of_codes():
    found = read(VALID)
    assert (found.shape, found.data.dtype, found.data.tolist()) == ((3, 2), np.float32, [[1, 2], [3, 4], [3, 4]])
    assert found.scales is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (blob([[1, 2]], [0, 1, 0], (3, 2)), "a code is 1; there are 1 centroids"),
        (blob([[1, 2]], [0, 0, 0, 0], (3, 2)), "4 codes stand for 6 numbers"),
        (blob([[1, 2]], [], (3, 2)), "0 codes stand for 6 numbers"),
        (blob([[1, 2]], [0], (0, 2)), "1 codes stand for 0 numbers"),
        (blob([[1, 2, 3]], [0, 0, 0], (3, 2)), "6 bytes of centroids are not 1 to 256 blocks of 2 numbers"),
        (blob(np.zeros((257, 2)), [0, 0, 0], (3, 2)), "1028 bytes of centroids are not 1 to 256 blocks"),
        (blob(np.zeros((0, 2)), [0, 0, 0], (3, 2)), "0 bytes of centroids"),
        (wire.encode_bytes(7, wire.encode_varints(1, (2,))) + wire.encode_bytes(20194, b"\0"), "do not stand together"),
        (VALID + wire.encode_bytes(5, bytes(4)), "codes stand beside other numbers"),
        (VALID + wire.encode_bytes(20190, bytes(6)), "codes stand beside other numbers"),
    ],
)
def test_codes_that_mean_nothing(content, message):
    with pytest.raises(ParseError, match=message):
        read(content)


def test_codes_of_more_than_memory_holds_are_read_and_not_unpacked():
    found = read(blob(np.zeros((1, 1 << 16)), np.zeros(1 << 16), (1 << 16, 1 << 16)))
    assert (found.is_packed, found.size) == (True, 1 << 32)


@seed(20190625)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_codes_give_a_blob_or_a_typed_error(data):
    content = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        found = read(bytes(content))
    except XdnError:
        return
    assert found.data.shape == found.shape
