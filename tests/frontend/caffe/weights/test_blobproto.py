"""BlobProto: every way to write an array that a file may have, with protobuf as the writer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdn.settings
from xdn.errors import ParseError, XdnError
from xdn.frontend import wire
from xdn.frontend.caffe.text import schema
from xdn.frontend.caffe.weights.blobproto import StoredBlob, encode_blob_head, read_blob


def read(content):
    return read_blob(wire.Span(memoryview(content), 0, len(content), "file"))


def proto(**fields):
    message = schema.new("BlobProto")
    for name, value in fields.items():
        if name == "shape":
            message.shape.dim.extend(value)
        elif name in ("data", "double_data"):
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    return message.SerializeToString()


VALUES = np.array([1.5, -2, 3e-8, 4, 5, np.inf], np.float32)


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 1, 2, 3), (6, 1, 1, 1, 1)])
def test_unpacked_data_as_protobuf_writes_it(shape):
    blob = read(proto(shape=shape, data=VALUES))
    assert (blob.shape, blob.legacy, blob.data.dtype) == (shape, False, np.float32)
    assert np.array_equal(blob.data, VALUES.reshape(shape))


def test_packed_data_in_pieces_and_mixed_with_unpacked():
    content = wire.encode_bytes(5, VALUES[:2].tobytes()) + wire.encode_bytes(5, b"") + proto(data=VALUES[2:4])
    content += wire.encode_bytes(5, VALUES[4:].tobytes()) + proto(shape=(6,))
    assert np.array_equal(read(content).data, VALUES)


@pytest.mark.parametrize("packed", [False, True])
def test_double_data(packed):
    values = np.array([1e-3, 1e300, -7], np.float64)
    content = wire.encode_bytes(8, values.tobytes()) if packed else proto(double_data=values)
    with np.errstate(over="ignore"):
        assert np.array_equal(read(content + proto(shape=(3,))).data, values.astype(np.float32))


def test_four_numbers():
    blob = read(proto(num=1, channels=1, height=2, width=3, data=VALUES))
    assert (blob.shape, blob.legacy) == ((1, 1, 2, 3), True)


def _film(extents, *numbers):
    heads = [
        wire.encode_varint(number << 3 | wire.VARINT) + wire.encode_varint(n) for number, n in enumerate(extents, 1)
    ]
    return b"".join(heads) + b"".join(numbers)


@pytest.mark.parametrize("pieces", [[slice(None)], [slice(2), slice(2, None)]])
def test_five_numbers_of_c3d(pieces):
    """Version 1.0 of C3D: num, channels, length, height, width, and the data as field 6."""
    blob = read(_film((1, 1, 1, 2, 3), *(wire.encode_bytes(6, VALUES[piece].tobytes()) for piece in pieces)))
    assert (blob.shape, blob.legacy) == ((1, 1, 1, 2, 3), True)
    assert np.array_equal(blob.data.ravel(), VALUES)
    assert blob.fits((2, 3))
    assert not blob.fits((3, 2))


def test_the_gradients_of_four_numbers_are_not_data():
    """Caffe's field 6 is `diff`."""
    content = proto(num=1, channels=1, height=2, width=3, data=VALUES) + wire.encode_bytes(6, VALUES.tobytes())
    assert np.array_equal(read(content).data.ravel(), VALUES)


def test_five_numbers_that_do_not_fit_the_data_are_refused():
    with pytest.raises(ParseError, match="holds 6 numbers instead of 4"):
        read(_film((1, 1, 1, 2, 2), wire.encode_bytes(6, VALUES.tobytes())))


def test_scalar_and_no_shape_at_all():
    assert read(wire.encode_bytes(7, b"") + proto(data=[2.0])).shape == ()
    assert read(proto(data=VALUES)).shape == (6,)
    assert read(b"").shape == (0,)


def test_packed_shape_is_read():
    head, length = encode_blob_head((2, 3))
    assert len(head) + VALUES.nbytes == length
    assert read(head + VALUES.tobytes()).shape == (2, 3)
    message = schema.new("BlobProto")
    message.MergeFromString(head + VALUES.tobytes())
    assert (list(message.shape.dim), list(message.data)) == ([2, 3], list(VALUES))


def test_the_array_is_a_copy_in_memory_of_its_own():
    content = bytearray(proto(shape=(6,), data=VALUES))
    blob = read(content)
    content[:] = bytes(len(content))
    assert np.array_equal(blob.data, VALUES)
    assert blob.data.flags.aligned
    assert blob.data.flags.owndata or blob.data.base.flags.owndata


@pytest.mark.parametrize(
    ("legacy", "stored", "expected", "fits"),
    [
        (True, (1, 1, 1, 5), (5,), True),
        (True, (1, 1, 4, 5), (4, 5), True),
        (True, (2, 3, 4, 5), (2, 3, 4, 5), True),
        (True, (1, 1, 1, 1), (), True),
        (True, (5, 1, 1, 1), (5,), False),
        (True, (1, 1, 4, 5), (20,), False),
        (True, (1, 1, 1, 5), (1, 1, 1, 1, 5), False),
        (False, (1, 1, 1, 5), (5,), False),
        (False, (4, 5), (4, 5), True),
        (True, (1, 5, 1, 1), (5,), True),
        (False, (1, 5, 1, 1), (5,), True),
        (False, (1, 5, 1, 2), (5,), False),
        (False, (1, 1, 1, 1, 5), (5,), True),
        (True, (1, 1, 1, 4, 5), (4, 5), True),
        (True, (2, 3, 4, 5, 6), (2, 3, 4, 5, 6), True),
        (False, (1, 5, 1, 1), (1, 5), False),
    ],
)
def test_fits_as_caffe_compares_and_forks_need(legacy, stored, expected, fits):
    assert StoredBlob(stored, np.zeros(stored, np.float32), legacy).fits(expected) is fits


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (proto(shape=(7,), data=VALUES), "holds 6 numbers instead of 7"),
        (proto(shape=(-6,), data=VALUES), "shape"),
        (proto(num=2, data=VALUES), "instead of 0"),
        (proto(shape=(2**40, 0)), "shape"),
        (proto(shape=(2**31, 2**31)), "instead of"),
        (proto(shape=[1] * 40, data=[1.0]), "axes"),
        (wire.encode_bytes(7, wire.encode_varints(1, [1] * 1000)), "axes"),
        (wire.encode_bytes(5, b"123"), "do not divide by 4"),
        (b"\x40\x01", "wire type 0"),
    ],
)
def test_damage(content, word):
    with pytest.raises(ParseError, match=word):
        read(content)


def test_number_of_pieces_is_bounded(monkeypatch):
    monkeypatch.setattr(xdn.settings, "MAX_BLOB_PIECES", 3)
    with pytest.raises(ParseError, match="more than 3 pieces"):
        read(wire.encode_bytes(5, b"1234") * 4)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_bytes_give_a_blob_or_a_typed_error(data):
    valid = [proto(shape=(2, 3), data=VALUES), proto(num=1, channels=1, height=2, width=3, double_data=VALUES)]
    content = bytearray(data.draw(st.sampled_from(valid)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        blob = read(bytes(content))
    except XdnError:
        return
    assert blob.data.shape == blob.shape


def test_extents_beside_a_zero_are_bounded():
    assert read(wire.encode_bytes(7, wire.encode_varints(1, (0, 1 << 31)))).shape == (0, 1 << 31)
    with pytest.raises(ParseError, match="a blob has the shape"):
        read(wire.encode_bytes(7, wire.encode_varints(1, (0, 1 << 31, 1 << 31, 1 << 31))))


def integers(values, scales=(0.5,), shape=None):
    """Return a BlobProto of 8-bit integers."""
    data = np.asarray(values, np.int8)
    content = wire.encode_bytes(20191, np.asarray(scales, "<f4").tobytes()) + wire.encode_bytes(20190, data.tobytes())
    return content + proto(shape=shape or data.shape)


def test_8_bit_integers():
    blob = read(integers([[1, -127, 3]]))
    assert (blob.shape, blob.data.dtype, blob.data.tolist()) == ((1, 3), np.int8, [[1, -127, 3]])
    assert blob.scales.tolist() == [0.5]
    assert blob.data.flags.owndata or blob.data.base.flags.owndata
    unpacked = b"".join(wire.encode_varint(20191 << 3 | 5) + np.float32(each).tobytes() for each in (0.25, 2))
    blob = read(unpacked + wire.encode_bytes(20190, bytes(2)))
    assert (blob.shape, blob.scales.tolist()) == ((2,), [0.25, 2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wire.encode_bytes(20190, bytes(6)), "8-bit integers have no scales"),
        (integers([1, 2]) + proto(data=[1.0]), "holds 3 numbers instead of 2"),
        (integers([1, 2], shape=(3,)) + proto(data=[1.0]), "8-bit integers stand beside other numbers"),
        (integers([1, -128]), "an 8-bit integer of a weight is -128"),
        (integers([1, 2], shape=(3,)), "holds 2 numbers instead of 3"),
        (integers([1, 2]) + wire.encode_varint(20190 << 3) + b"\1", "wire type 0 instead of 2"),
    ],
)
def test_8_bit_integers_that_mean_nothing(content, message):
    with pytest.raises(ParseError, match=message):
        read(content)
