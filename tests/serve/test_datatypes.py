"""Datatypes of the protocol: arrays from raw bytes and lists, and back."""

import struct

import numpy as np
import pytest

from xdn import settings
from xdn.serve.datatypes import (
    DATATYPES,
    content_bytes,
    from_pieces,
    from_raw,
    from_values,
    name_of,
    raw_bytes,
    to_raw,
    to_values,
)
from xdn.serve.messages import BadRequestError, Tensor, TooLargeError

NUMBERS = [name for name in DATATYPES if name != "BYTES"]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_pass_through_both_forms(name):
    values = [True, False, True, True] if name == "BOOL" else [1, 0, 3, 100]
    tensor = from_values("x", name, [2, 2], values)
    assert (tensor.data.dtype, tensor.shape) == (DATATYPES[name].dtype, (2, 2))
    raw = to_raw(tensor.data)
    assert raw.nbytes == raw_bytes(name, (2, 2))
    again = from_raw("x", name, [2, 2], raw)
    assert to_values(again) == values
    assert np.shares_memory(again.data, tensor.data)


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - {"BF16"}))
def test_a_numpy_type_has_one_name(name):
    assert name_of(DATATYPES[name].dtype) == name


def test_raw_numbers_are_little_endian():
    assert bytes(to_raw(np.array([1], ">i4"))) == b"\1\0\0\0"
    assert from_raw("x", "INT32", [1], b"\1\0\0\0").data[0] == 1


def test_bf16_is_the_upper_half_of_f32():
    tensor = from_values("x", "BF16", [2], [1.0, -2.5])
    assert tensor.data.tolist() == [0x3F80, 0xC020]
    assert to_values(tensor) == [1.0, -2.5]


def test_bytes_have_their_lengths_before_them():
    raw = b"".join(struct.pack("<I", len(each)) + each for each in (b"ab", b"", b"\xff"))
    tensor = from_raw("x", "BYTES", [3], raw)
    assert tensor.data.tolist() == [b"ab", b"", b"\xff"]
    assert bytes(to_raw(tensor.data)) == raw
    assert raw_bytes("BYTES", (3,)) is None
    assert to_values(tensor) == ["ab", "", "\ufffd"]


def test_texts_are_utf_8():
    assert from_values("x", "BYTES", [2], ["ä", b"\0"]).data.tolist() == ["ä".encode(), b"\0"]


def test_lists_may_be_as_deep_as_there_are_axes():
    nested = from_values("x", "INT8", [2, 1, 2], [[[1, 2]], [[3, 4]]])
    assert nested.data.tolist() == from_values("x", "INT8", [2, 1, 2], [1, 2, 3, 4]).data.tolist()


def test_an_empty_batch_is_a_batch():
    assert from_raw("x", "FP32", [0, 3], b"").shape == from_values("x", "FP32", [0, 3], []).shape == (0, 3)
    assert to_raw(np.empty((0, 3), np.float32)).nbytes == 0


@pytest.mark.parametrize(
    ("datatype", "shape", "raw", "message"),
    [
        ("FP32", [2], b"\0" * 7, "7 bytes; FP32 of the shape .2. has 8"),
        ("FP31", [1], b"\0", "unknown datatype 'FP31'"),
        ("INT8", [-1], b"", "not a shape"),
        ("INT8", [1.0], b"\0", "not a shape"),
        ("INT8", [True], b"\0", "not a shape"),
        ("INT8", [1 << 70, 0], b"", "not a shape"),
        ("INT8", [1] * 65, b"\0", "not a shape"),
        ("INT8", [1 << 20, 1 << 20], b"", "more than"),
        ("BYTES", [1], b"\5\0\0\0ab", "element 0 of BYTES ends after the data"),
        ("BYTES", [1], b"\0\0\0\0\0\0\0\0", "more bytes"),
        ("BYTES", [1], b"\0\0", "more bytes"),
        ("BYTES", [2], b"\0\0\0\0", "1 values; the shape says 2"),
    ],
)
def test_raw_bytes_that_are_wrong_are_refused(datatype, shape, raw, message):
    with pytest.raises(BadRequestError, match=message):
        from_raw("x", datatype, shape, raw)


@pytest.mark.parametrize(
    ("datatype", "shape", "values", "message"),
    [
        ("UINT8", [1], [256], "beyond what UINT8 holds"),
        ("UINT8", [1], [-1], "beyond what UINT8 holds"),
        ("INT64", [1], [1 << 70], "beyond what INT64 holds"),
        ("FP32", [1], [1e39], "beyond what FP32 holds"),
        ("FP32", [1], [10**400], "beyond what FP32 holds"),
        ("BF16", [1], [10**400], "beyond what BF16 holds"),
        ("FP32", [1], ["1.5"], "of the kind str"),
        ("FP32", [2], [1.0, None], "of the kind NoneType"),
        ("INT32", [1], [1.5], "of the kind float"),
        ("INT32", [1], [True], "of the kind bool"),
        ("BYTES", [1], [3], "of the kind int"),
        ("FP32", [2, 2], [1.0, 2.0], "2 values; the shape says 4"),
        ("FP32", [2, 2], [[1.0, 2.0], 3.0, 4.0], "3 values"),
        ("FP32", [1], [[1.0]], "of the kind list"),
    ],
)
def test_values_that_are_wrong_are_refused(datatype, shape, values, message):
    with pytest.raises(BadRequestError, match=message):
        from_values("x", datatype, shape, values)


def test_the_elements_of_bytes_are_bounded(monkeypatch):
    monkeypatch.setattr(settings, "MAX_BYTES_ELEMENTS", 3)
    with pytest.raises(TooLargeError, match="4 elements of BYTES; at most 3"):
        from_values("x", "BYTES", [4], [""] * 4)
    with pytest.raises(TooLargeError, match="elements of BYTES; at most 3"):
        from_raw("x", "BYTES", [5], bytes(20))
    with pytest.raises(TooLargeError, match="4 elements of BYTES; at most 3"):
        from_pieces("x", "BYTES", [4], [[b"", b""]] * 2)


def test_a_tensor_of_a_response_need_not_be_contiguous():
    tensor = Tensor("y", "FP32", np.arange(6, dtype=np.float32).reshape(2, 3).T)
    assert bytes(to_raw(tensor.data)) == np.array([0, 3, 1, 4, 2, 5], np.float32).tobytes()


def test_the_size_of_bytes_is_that_of_their_content():
    assert content_bytes(from_values("x", "BYTES", [2], ["a" * 1000, ""])) >= 1000
    assert content_bytes(from_values("x", "FP16", [2], [1, 2])) == 4
