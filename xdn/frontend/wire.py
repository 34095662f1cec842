"""Protobuf's wire format, read from and written to plain bytes.

protobuf itself would make a Python object of each of a caffemodel's millions of floats. Source of the format:
https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from xdn import settings
from xdn.errors import ParseError
from xdn.graph import Array

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_NAMES = {3: "a group", 4: "the end of a group"}


@dataclass(slots=True)
class _Budget:
    """How many more fields of one file are read."""

    fields: int = field(default_factory=lambda: settings.MAX_WIRE_FIELDS)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file that holds one message, or one field's value.

    Parameters
    ----------
    data : memoryview
        The whole file, read-only bytes.
    start, stop : int
        Byte offsets; `stop` is the first byte after the part.
    file : str
        The file's name, for messages.
    budget : _Budget
        Of the file.
    """

    data: memoryview
    start: int
    stop: int
    file: str
    budget: _Budget = field(default_factory=_Budget, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stop - self.start

    def part(self, start: int, stop: int) -> "Span":
        """Return the part of the same file from `start` to `stop`."""
        return Span(self.data, start, stop, self.file, self.budget)

    def error(self, what: str, offset: int | None = None) -> ParseError:
        """Return the error that names the file and the byte offset."""
        where = f"{self.file}: byte {self.start if offset is None else offset}"
        return ParseError(what, where=where, mend="The file is damaged, cut short, or of another format")

    def text(self) -> str:
        """Return the value as UTF-8 text."""
        try:
            return str(self.data[self.start : self.stop], "utf-8")
        except UnicodeDecodeError:
            raise self.error("a string is not UTF-8 text") from None


def varint(span: Span, offset: int) -> tuple[int, int]:
    """Return (the unsigned number at `offset`, the offset after it)."""
    value = shift = 0
    for at in range(offset, min(offset + 10, span.stop)):
        byte = span.data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + 1
        shift += 7
    raise span.error("a number does not end", offset)


def signed(value: int) -> int:
    """Return the int64 whose two's complement is `value`."""
    return value - (1 << 64) if value >> 63 else value


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a message: its number, wire type, where its tag starts, and its value.

    Parameters
    ----------
    number, wire_type : int
    tag : int
        Byte offset of the tag.
    value : Span
        The value's bytes (of a varint: its own bytes).
    """

    number: int
    wire_type: int
    tag: int
    value: Span

    def integer(self) -> int:
        """Return the value of a varint field as int64."""
        if self.wire_type != VARINT:
            raise self.value.error(f"field {self.number} is not an integer", self.tag)
        return signed(varint(self.value, self.value.start)[0])

    def message(self) -> Span:
        """Return the value of a field that holds a message, a string or packed numbers."""
        if self.wire_type != BYTES:
            raise self.value.error(f"field {self.number} has wire type {self.wire_type} instead of {BYTES}", self.tag)
        return self.value


def read_entry(span: Span, offset: int) -> Entry:
    """Return the field whose tag starts at `offset`; raise ParseError where it leaves `span` or is one too many."""
    span.budget.fields -= 1
    if span.budget.fields < 0:
        raise span.error(f"there are more than {settings.MAX_WIRE_FIELDS} fields", offset)
    tag, at = varint(span, offset)
    number, wire_type = tag >> 3, tag & 7
    if not 0 < number < 1 << 29:
        raise span.error(f"a field has the number {number}", offset)
    if wire_type == VARINT:
        stop = varint(span, at)[1]
    elif wire_type == BYTES:
        length, at = varint(span, at)
        stop = at + length
    elif wire_type in _FIXED:
        stop = at + _FIXED[wire_type]
    else:
        raise span.error(f"field {number} is {_NAMES.get(wire_type, f'of wire type {wire_type}')}", offset)
    if stop > span.stop:
        raise span.error(f"field {number} has {stop - at} bytes, but only {span.stop - at} follow", offset)
    return Entry(number, wire_type, offset, span.part(at, stop))


def entries(span: Span) -> Iterator[Entry]:
    """Yield the fields of the message in `span`."""
    offset = span.start
    while offset < span.stop:
        entry = read_entry(span, offset)
        yield entry
        offset = entry.value.stop


def fixed_run(span: Span, first: Entry) -> Array:
    """Return the values, as bytes (n, width), of `first` and of the equal fixed-width fields that follow at once.

    Unpacked numbers repeat their tag before each value; the run is found by comparing whole columns.
    """
    width = _FIXED[first.wire_type]
    stride = first.value.stop - first.tag
    raw = np.frombuffer(span.data, np.uint8)
    tag = raw[first.tag : first.value.start]
    rows, limit, block = 1, (span.stop - first.tag) // stride, 64
    # In growing blocks, so that the work is proportional to the run's length and not to the message's.
    while rows < limit:
        stop = min(rows + block, limit)
        window = raw[first.tag + rows * stride : first.tag + stop * stride].reshape(-1, stride)
        same = (window[:, : stride - width] == tag).all(axis=1)
        if not same.all():
            rows += int(same.argmin())
            break
        rows, block = stop, block * 2
    return raw[first.tag : first.tag + rows * stride].reshape(rows, stride)[:, stride - width :]


def encode_varint(value: int) -> bytes:
    """Return `value` (negative: as int64) as a varint."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_head(number: int, length: int) -> bytes:
    """Return the tag and length that stand before `length` bytes of field `number`."""
    return encode_varint(number << 3 | BYTES) + encode_varint(length)


def encode_bytes(number: int, content: bytes) -> bytes:
    """Return field `number` holding `content`: a string or a message."""
    return encode_head(number, len(content)) + content


def encode_varints(number: int, values: Sequence[int]) -> bytes:
    """Return the packed field `number` holding `values`."""
    return encode_bytes(number, b"".join(encode_varint(value) for value in values))
