"""Protobuf's wire format, with protobuf itself as the other side."""

import numpy as np
import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from hypothesis import given, settings
from hypothesis import strategies as st

from xdn.errors import ParseError
from xdn.frontend import wire
from xdn.frontend.caffe.text import schema


def span(content):
    return wire.Span(memoryview(content), 0, len(content), "file")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=8))
def test_varints_are_protobufs(values):
    packed = wire.encode_varints(1, values)
    unpacked = schema.classes()["BlobShape"](dim=values).SerializeToString()
    found = schema.classes()["BlobShape"]()
    found.MergeFromString(packed if values else b"")
    assert list(found.dim) == values
    assert [entry.integer() for entry in wire.entries(span(unpacked))] == values


def test_entries_of_a_real_message():
    message = FieldDescriptorProto(name="abc", number=300, type_name="xyz")
    found = {entry.number: entry for entry in wire.entries(span(message.SerializeToString()))}
    assert (found[1].message().text(), found[6].message().text()) == ("abc", "xyz")
    assert found[3].integer() == 300


@pytest.mark.parametrize(
    ("content", "offset", "word"),
    [
        (b"\x08", 1, "does not end"),
        (b"\x08" + b"\xff" * 11, 1, "does not end"),
        (b"\x0a\x05abc", 0, "has 5 bytes, but only 3 follow"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 0, "but only 0 follow"),
        (b"\x08\x01\x0d\0\0", 2, "has 4 bytes, but only 2 follow"),
        (b"\x00\x01", 0, "number 0"),
        (b"\x0b", 0, "a group"),
        (b"\x0e", 0, "wire type 6"),
    ],
)
def test_damage_names_the_byte(content, offset, word):
    with pytest.raises(ParseError, match=word) as caught:
        list(wire.entries(span(content)))
    assert caught.value.where == f"file: byte {offset}"


def test_wrong_kinds_of_values():
    number, text = wire.entries(span(b"\x08\x01\x12\x01\xff"))
    with pytest.raises(ParseError, match="wire type 0 instead of 2"):
        number.message()
    with pytest.raises(ParseError, match="not an integer"):
        text.integer()
    with pytest.raises(ParseError, match="UTF-8"):
        text.message().text()


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 66, 300])
@pytest.mark.parametrize("field", [5, 20])
def test_runs_of_unpacked_numbers(count, field):
    values = np.arange(count, dtype="<f4")
    tag = wire.encode_varint(field << 3 | wire.FIXED32)
    content = b"".join(tag + value.tobytes() for value in values) + b"\x08\x01"
    whole = span(content)
    run = wire.fixed_run(whole, wire.read_entry(whole, 0))
    assert np.array_equal(np.ascontiguousarray(run).view("<f4").ravel(), values)


def test_run_ends_at_another_field_that_looks_alike():
    """The byte that would be the third tag belongs to another field; what follows it must not be taken."""
    value = np.float32(1.5).tobytes()
    content = b"\x2d" + value + b"\x2d" + value + b"\x25" + value + b"\x2d" + value
    whole = span(content)
    assert len(wire.fixed_run(whole, wire.read_entry(whole, 0))) == 2


def test_encode_bytes_is_protobufs():
    assert wire.encode_bytes(1, b"x" * 300) == FieldDescriptorProto(name="x" * 300).SerializeToString()


def test_fields_are_counted_over_all_parts_of_a_file(monkeypatch):
    monkeypatch.setattr("xdn.settings.MAX_WIRE_FIELDS", 5)
    whole = span(wire.encode_bytes(1, b"\x08\x01" * 2) * 2)
    with pytest.raises(ParseError, match="byte 10: there are more than 5 fields"):
        [list(wire.entries(entry.message())) for entry in wire.entries(whole)]
