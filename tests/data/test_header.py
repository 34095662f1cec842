import dataclasses
import json
import zlib

import pytest
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings

from xdn.data import header as headers
from xdn.data.header import PREFIX, Layout, PackedHeader
from xdn.errors import DataError

HEADER = PackedHeader(
    dataset="photos",
    title="Photos",
    split="test",
    classes=("cat", "dög"),
    channel_order="bgr",
    shape=(10, 4, 5, 3),
    dtype="u8",
    preprocessing={"decoder": "OpenCV"},
    opencv="4.14.0",
    labels_crc32=7,
    version=1,
)


def test_the_prefix_is_as_documented():
    content, _ = headers.encode(HEADER)
    assert content[:8] == b"XDNPACK\0"
    version, size, crc, zero = (int.from_bytes(content[at : at + 4], "little") for at in (8, 12, 16, 20))
    assert (version, size, crc, zero) == (1, len(content) - 24, zlib.crc32(content[24:]), 0)
    assert json.loads(content[24:])["classes"] == ["cat", "dög"]


def test_parts_start_at_pages():
    layout = Layout.of(dataclasses.replace(HEADER, shape=(3000, 1, 1, 3)), 4096 - 24)
    # 9000 bytes of pixels fill three pages, 12,000 of labels three more; one checksum.
    assert layout == Layout(header_end=4096, pixels=4096, labels=4 * 4096, checksums=7 * 4096, end=7 * 4096 + 4)
    assert Layout.of(HEADER, 4097 - 24).pixels == 2 * 4096


@pytest.mark.parametrize(("count", "checksums"), [(1, 1), (1 << 20, 1), ((1 << 20) + 1, 2)])
def test_one_checksum_a_mebibyte(count, checksums):
    header = dataclasses.replace(HEADER, shape=(count, 1, 1, 1))
    assert header.checksum_count == checksums
    assert dataclasses.replace(header, dtype="f32").pixel_bytes == 4 * count


def read(content):
    size, crc = headers.prefix_fields(content[: PREFIX.size])
    return headers.decode(content[PREFIX.size : PREFIX.size + size], crc)


def test_what_is_written_is_read():
    assert read(headers.encode(HEADER)[0]) == HEADER


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [10, 4, 5]},
        {"shape": [10, 4, 5, 0]},
        {"shape": [10, 4, 5, -3]},
        {"shape": [10, 4, 5, 3.0]},
        {"shape": [10, 4, 5, True]},
        {"shape": [10**4000] * 4},
        {"shape": "abcd"},
        {"classes": []},
        {"classes": [1]},
        {"classes": {"a": 1}},
        {"classes": ["a"] * 200_000},
        {"channel_order": "grb"},
        {"channel_order": ["rgb"]},
        {"dtype": "f64"},
        {"dtype": {"a": 1}},
        {"dataset": None},
        {"title": "\ud800"},
        {"preprocessing": {"\udfff": "a"}},
        {"opencv": 4},
        {"preprocessing": []},
        {"preprocessing": {"a": {}}},
        {"labels_crc32": "1"},
        {"version": 2},
        {"more": 1},
    ],
)
def test_a_header_that_states_what_cannot_be_is_refused(change):
    document = json.loads(headers.encode(HEADER)[0][PREFIX.size :])
    text = json.dumps(document | change).encode()
    with pytest.raises(DataError, match=r"^the packed data cannot be used: .*xdn-pack$"):
        headers.decode(text, zlib.crc32(text))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b"{}", b"1" * 5000])
def test_a_header_that_is_not_an_object_is_refused(text):
    with pytest.raises(DataError, match="the packed data cannot be used"):
        headers.decode(text, zlib.crc32(text))


def test_a_wrong_checksum_is_refused():
    text = headers.encode(HEADER)[0][PREFIX.size :]
    with pytest.raises(DataError, match="checksum"):
        headers.decode(text, zlib.crc32(text) ^ 1)


@pytest.mark.parametrize(
    ("prefix", "problem"),
    [
        (b"", "does not start with XDNPACK"),
        (b"\x89PNG\r\n\x1a\n" + bytes(16), "does not start with XDNPACK"),
        (b"XDN", "ends within its prefix"),
        (PREFIX.pack(headers.MAGIC, 1, 5, 0, 0)[:-1], "ends within its prefix"),
        (PREFIX.pack(headers.MAGIC, 2, 5, 0, 0), "version is 2; this program reads version 1"),
        (PREFIX.pack(headers.MAGIC, 1, 0xFFFFFFFF, 0, 0), "prefix is damaged"),
        (PREFIX.pack(headers.MAGIC, 1, 5, 0, 1), "prefix is damaged"),
    ],
)
def test_a_foreign_prefix_is_refused_with_the_reason(prefix, problem):
    with pytest.raises(DataError, match=problem):
        headers.prefix_fields(prefix)


JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=4),
    max_leaves=8,
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(name=strategies.sampled_from([f.name for f in dataclasses.fields(PackedHeader)]), value=JSON)
def test_any_value_in_any_field_is_taken_or_refused(name, value):
    document = json.loads(headers.encode(HEADER)[0][PREFIX.size :])
    text = json.dumps(document | {name: value}).encode()
    try:
        header = headers.decode(text, zlib.crc32(text))
    except DataError:
        return
    assert read(headers.encode(header)[0]) == header
