"""BlobProto: one array of weights or one mean image in Caffe's binary files.

Four fields are ours, for weights that layers read as integers (docs/quantization.md)::

    optional bytes int8_data = 20190;                   // in place of data: an int8 each
    repeated float int8_scale = 20191 [packed = true];  // what 1 stands for in each filter
    optional bytes packed_data = 20192;                 // in place of int8_data: fewer bits each, without gaps
    optional uint32 packed_bits = 20193;                // how many, 1 to 7

Other readers of caffemodels pass over them, and miss the data. So they do with those of codebooks
(`xdn.frontend.caffe.weights.codes`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import prod

import numpy as np

from xdn import settings
from xdn.element import F32, S8, Element
from xdn.frontend import wire
from xdn.frontend.caffe.weights.codes import CENTROIDS, CODES, encode_codebook_head, read_codebook
from xdn.frontend.caffe.weights.packed import packed_bytes, unpacked
from xdn.frontend.wire import Span
from xdn.graph import Array, Shape
from xdn.graph.codebook import Codebook
from xdn.graph.quantized import BITS

# BlobProto's fields (caffe.proto).
_LEGACY = (1, 2, 3, 4)  # num, channels, height, width
#: C3D 1.0 has a fifth extent, the length before height and width, and the numbers after it.
_FILM_WIDTH, _FILM_DATA = 5, 6
_DATA, _SHAPE, _DOUBLE = 5, 7, 8
_INT8, _SCALES, _PACKED, _BITS = 20190, 20191, 20192, 20193
_DTYPES = {_DATA: ("<f4", wire.FIXED32), _DOUBLE: ("<f8", wire.FIXED64), _SCALES: ("<f4", wire.FIXED32)}


@dataclass(frozen=True, eq=False)
class StoredBlob:
    """An array as a file holds it.

    Parameters
    ----------
    shape : tuple of int
    held : array, or callable
        The array: f32, or int8 where scales tell what 1 stands for; of `shape`, in memory of its own. Of packed
        numbers, what makes it: a few bytes may stand for gigabytes, so that they are unpacked where these are expected.
    legacy : bool
        The shape was given as the four numbers num, channels, height, width of Caffe before 2015, or C3D's five.
    scales : (K,) f32, optional
        Of filters that a layer reads as 8-bit integers; f32 data may have them, too.
    """

    shape: Shape
    held: Array | Callable[[], Array]
    legacy: bool = False
    scales: Array | None = None

    @property
    def size(self) -> int:
        """How many numbers the array has."""
        return prod(self.shape)

    @property
    def is_packed(self) -> bool:
        """Whether the file holds the numbers in less memory than `data` takes."""
        return callable(self.held)

    @cached_property
    def data(self) -> Array:
        """The array, unpacked at the first use; only what `fits` a shape that is bounded may be looked at."""
        return self.held() if callable(self.held) else self.held

    def fits(self, shape: Shape) -> bool:
        """Return whether the array serves where `shape` is expected.

        Old numbers equal a shape of up to as many axes with ones before it (Caffe's Blob::ShapeEquals). One number a
        channel may also lie as the channels of a blob do, (1, C, 1, 1), as forks' normalisations keep them, or along
        the last axis of a film, (1, 1, 1, 1, C), as C3D 1.1 keeps biases.
        """
        if len(shape) == 1 and self.shape in ((1, *shape, 1, 1), (1, 1, 1, 1, *shape)):
            return True
        return self.shape == ((1,) * (len(self.shape) - len(shape)) + shape if self.legacy else shape)


#: Layer name -> its blobs; None for one that the file leaves out, none at all where they were not asked for.
Stored = Mapping[str, tuple[StoredBlob | None, ...]]


@dataclass
class _Parts:
    """What the fields of one BlobProto say, gathered in the order of the file."""

    pieces: list[Array] = field(default_factory=list)
    integers: Span | None = None
    packed: bool = False
    codes: Span | None = None
    centroids: Span | None = None
    bits: int = BITS
    scales: list[Array] = field(default_factory=list)
    dims: list[int] | None = None
    old: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many numbers there are, at most where they are packed."""
        return sum(len(piece) for piece in self.pieces) + (self.integers.size * 8 // self.bits if self.integers else 0)

    def holds(self, count: int) -> bool:
        """Return whether there are so many numbers."""
        if self.of_codebook:
            return True  # `data` says what codes do not fit to
        if self.integers is None or not self.packed:
            return self.count == count
        return not self.pieces and self.integers.size == packed_bytes(count, self.bits)

    def data(self, span: Span, shape: Shape) -> Array | Callable[[], Array]:
        """Return the numbers, copied once into an array of `shape`; of packed ones, what unpacks a copy of them.

        ParseError for integers that mean none, and codes without their centroids.
        """
        count = prod(shape)
        if self.of_codebook:
            if self.pieces or self.scales or self.integers is not None:
                raise span.error("codes stand beside other numbers")
            if self.codes is None or self.centroids is None:
                raise span.error("codes and centroids do not stand together")
            return partial(read_codebook(span, self.codes, self.centroids, count).weight, shape)
        if self.integers is None:
            with np.errstate(over="ignore", invalid="ignore"):  # a double beyond f32 becomes infinity, as in Caffe
                pieces = [np.empty(0, np.float32), *self.pieces]
                return np.concatenate(pieces, dtype=np.float32, casting="unsafe").reshape(shape)
        if self.pieces or not self.scales:
            raise span.error(f"8-bit integers {'stand beside other numbers' if self.pieces else 'have no scales'}")
        whole = np.frombuffer(span.data, np.int8, self.integers.size, self.integers.start).copy()
        if self.packed:
            return partial(unpacked, whole.view(np.uint8), shape, self.bits)
        if (whole == -128).any():
            raise span.error("an 8-bit integer of a weight is -128; they are -127 to 127", self.integers.start)
        return whole.reshape(shape)

    @property
    def of_codebook(self) -> bool:
        """Whether codes stand in place of numbers."""
        return self.codes is not None or self.centroids is not None

    @property
    def of_film(self) -> bool:
        """Whether the message is C3D's, in which a number stands where Caffe has the data."""
        return _FILM_WIDTH in self.old

    def shape(self, span: Span) -> tuple[Shape, bool]:
        """Return the shape, and whether it is an old one of four axes; raise ParseError for one out of bounds."""
        if self.old:
            numbers = (*_LEGACY, _FILM_WIDTH) if self.of_film else _LEGACY
            shape = tuple(self.old.get(number, 0) for number in numbers)
        elif self.dims is not None:
            shape = tuple(self.dims)
        else:
            # Caffe writes a scalar without any shape; of more numbers, none is known but how many they are.
            shape = () if self.count == 1 else (self.count,)
        # NumPy bounds the product of the other extents where one is 0.
        most = prod(max(1, extent) for extent in shape) if 0 in shape else max(shape, default=0)
        if min(shape, default=0) < 0 or most > settings.MAX_BLOB_ELEMENTS:
            raise span.error(f"a blob has the shape {shape}")
        return shape, bool(self.old)


def _read_dims(shape: Span, dims: list[int]) -> None:
    for entry in wire.entries(shape):
        if entry.number != 1:
            continue
        if entry.wire_type == wire.VARINT:
            dims.append(entry.integer())
        else:
            packed, at = entry.message(), entry.value.start
            while at < packed.stop and len(dims) <= settings.MAX_BLOB_AXES:
                value, at = wire.varint(packed, at)
                dims.append(wire.signed(value))
        if len(dims) > settings.MAX_BLOB_AXES:
            raise shape.error(f"a blob has more than {settings.MAX_BLOB_AXES} axes")


def _read_numbers(span: Span, entry: wire.Entry, number: int) -> tuple[Array, int]:
    """Return the numbers that start at `entry`, a view of the file where they are packed, and where they end.

    They are of the type that those of field `number` have.
    """
    dtype, unpacked = _DTYPES[number]
    if entry.wire_type == unpacked:
        run = wire.fixed_run(span, entry)
        return np.ascontiguousarray(run).reshape(-1).view(dtype), entry.tag + len(run) * (entry.value.stop - entry.tag)
    value = entry.message()
    width = np.dtype(dtype).itemsize
    if value.size % width:
        raise span.error(f"{value.size} bytes of packed numbers do not divide by {width}", entry.tag)
    return np.frombuffer(span.data, dtype, value.size // width, value.start), value.stop


def read_blob(span: Span) -> StoredBlob:
    """Return the BlobProto in `span`, its numbers copied once out of the file, into an aligned array.

    Raises
    ------
    ParseError
        With the byte offset, where the bytes are not a BlobProto or the shape does not fit the numbers.
    """
    parts = _Parts()
    offset = span.start
    while offset < span.stop:
        entry = wire.read_entry(span, offset)
        offset = entry.value.stop
        if entry.number == _FILM_WIDTH and entry.wire_type == wire.VARINT:
            parts.old[_FILM_WIDTH] = entry.integer()
        elif entry.number in _DTYPES or (entry.number == _FILM_DATA and parts.of_film):
            numbers, offset = _read_numbers(span, entry, _DATA if entry.number == _FILM_DATA else entry.number)
            if numbers.size:
                (parts.scales if entry.number == _SCALES else parts.pieces).append(numbers)
            if len(parts.pieces) + len(parts.scales) > settings.MAX_BLOB_PIECES:
                raise span.error(f"a blob's numbers lie in more than {settings.MAX_BLOB_PIECES} pieces")
        elif entry.number in (_INT8, _PACKED):
            parts.integers, parts.packed = entry.message(), entry.number == _PACKED
        elif entry.number == CODES:
            parts.codes = entry.message()
        elif entry.number == CENTROIDS:
            parts.centroids = entry.message()
        elif entry.number == _BITS:
            parts.bits = entry.integer()
            if not 1 <= parts.bits < BITS:
                raise span.error(f"integers are packed in {parts.bits} bits; 1 to 7 are possible", entry.tag)
        elif entry.number == _SHAPE:
            parts.dims = parts.dims or []
            _read_dims(entry.message(), parts.dims)
        elif entry.number in _LEGACY:
            parts.old[entry.number] = entry.integer()
    if parts.packed != (parts.bits < BITS):
        raise span.error("packed integers and how many bits they have do not stand together")
    shape, legacy = parts.shape(span)
    if not parts.holds(prod(shape)):
        raise span.error(f"a blob of shape {shape} holds {parts.count} numbers instead of {prod(shape)}")
    scales = np.concatenate(parts.scales) if parts.scales else None
    return StoredBlob(shape, parts.data(span, shape), legacy, scales)


def encode_blob_head(
    shape: Shape,
    legacy: bool = False,
    element: Element = F32,
    scales: Array | None = None,
    bits: int = BITS,
    codebook: Codebook | None = None,
) -> tuple[bytes, int]:
    """Return the bytes that stand before a blob's data, and the length of the whole BlobProto in bytes.

    The data follow as they lie in memory, little-endian: f32, integers of `bits` of which filters have `scales`, or the
    codes of a codebook.
    `legacy` writes the four old numbers, which is what Caffe's own mean files have and every reader of them takes.
    """
    if legacy:
        four = zip(_LEGACY, (1,) * (4 - len(shape)) + shape, strict=True)
        head = b"".join(wire.encode_varint(field << 3 | wire.VARINT) + wire.encode_varint(n) for field, n in four)
    else:
        head = wire.encode_bytes(_SHAPE, wire.encode_varints(1, shape) if shape else b"")
    if codebook is not None:
        head += encode_codebook_head(codebook)
        return head, len(head) + codebook.codes.nbytes
    if scales is not None:
        head += wire.encode_bytes(_SCALES, np.ascontiguousarray(scales, "<f4").tobytes())
    if bits < BITS:
        head += wire.encode_varint(_BITS << 3 | wire.VARINT) + wire.encode_varint(bits)
        data_bytes, field = packed_bytes(prod(shape), bits), _PACKED
    else:
        data_bytes, field = element.bytes * prod(shape), _INT8 if element == S8 else _DATA
    head += wire.encode_head(field, data_bytes)
    return head, len(head) + data_bytes
