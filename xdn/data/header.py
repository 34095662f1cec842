"""The header of a packed file: what it says, and its checks.

A packed file, version 1, little-endian; every part starts at a multiple of 4096 bytes, zeros between:

====================  =============================================================================
prefix (24 bytes)     magic ``XDNPACK\\0``; u32: version, bytes of the header, its CRC-32, zero
header                JSON (ASCII), right after the prefix
pixels                N,H,W,C; u8 or f32
labels                i32, one an image
checksums             u32, the CRC-32 of each MiB of the pixels; the last one covers the rest
====================  =============================================================================
"""

import json
import re
import struct
import zlib
from dataclasses import asdict, dataclass, field
from math import prod

import numpy as np

from xdn import settings
from xdn.data.dataset import GREY
from xdn.errors import DataError, ParseError
from xdn.record import Reader

MAGIC = b"XDNPACK\0"
VERSION = 1
PREFIX = struct.Struct("<8sIIII")
DTYPES = {"u8": "<u1", "f32": "<f4"}
WORD_BYTES = 4
#: Halves of a character, which JSON can say and no file or terminal takes.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class PackedHeader:
    """What a packed file says of its images.

    Parameters
    ----------
    dataset, title, split : str
        As in `Dataset`.
    classes : tuple of str
        Class names.
    channel_order : str
        ``"rgb"`` or ``"bgr"``, or ``"grey"`` where C is 1.
    shape : tuple of int
        (N, H, W, C).
    dtype : str
        ``"u8"`` or ``"f32"``.
    preprocessing : dict
        What was done to the images before they were stored.
    opencv : str
        The OpenCV version that decoded or resized them, empty for none.
    labels_crc32 : int
        Checksum of the labels' bytes.
    version : int
        Version of the format.
    """

    dataset: str
    title: str
    split: str
    classes: tuple[str, ...]
    channel_order: str
    shape: tuple[int, int, int, int]
    dtype: str
    preprocessing: dict[str, str] = field(hash=False)
    opencv: str
    labels_crc32: int
    version: int

    def __post_init__(self) -> None:
        names = (self.dataset, self.title, self.split, self.channel_order, self.dtype, self.opencv)
        texts = (*names, *self.classes, *self.preprocessing, *self.preprocessing.values())
        require(not any(map(_SURROGATE.search, texts)), "a name is not text")
        require(self.version == VERSION, "its header has another version")
        require(0 < len(self.classes) <= settings.MAX_CLASSES, f"it has {len(self.classes)} classes")
        require(self.channel_order in ("rgb", "bgr", GREY), f"its channel order is {self.channel_order!r:.20}")
        require(self.dtype in DTYPES, f"its dtype is {self.dtype!r:.20}")
        bounded = all(0 < extent < 1 << 32 for extent in self.shape)
        require(bounded, "its shape is not (N, H, W, C) with extents from 1 to 2^32 - 1")
        require(self.channel_order != GREY or self.shape[3] == 1, f"it has {self.shape[3]} channels of grey images")

    @property
    def image_bytes(self) -> int:
        """Size of one image in bytes."""
        return prod(self.shape[1:]) * np.dtype(DTYPES[self.dtype]).itemsize

    @property
    def pixel_bytes(self) -> int:
        """Size of the pixels in bytes."""
        return self.shape[0] * self.image_bytes

    @property
    def checksum_count(self) -> int:
        """Number of checksums."""
        return -(-self.pixel_bytes // settings.CHECKSUM_BYTES)


@dataclass(frozen=True)
class Layout:
    """Where the parts of a packed file start, and where it ends, in bytes."""

    header_end: int
    pixels: int
    labels: int
    checksums: int
    end: int

    @classmethod
    def of(cls, header: PackedHeader, header_bytes: int) -> "Layout":
        """Return the layout of a file whose JSON header has `header_bytes`."""
        header_end = PREFIX.size + header_bytes
        pixels = page_aligned(header_end)
        labels = page_aligned(pixels + header.pixel_bytes)
        checksums = page_aligned(labels + WORD_BYTES * header.shape[0])
        return cls(header_end, pixels, labels, checksums, checksums + WORD_BYTES * header.checksum_count)


def page_aligned(offset: int) -> int:
    """Return the first multiple of `settings.PAGE_BYTES` from `offset` on."""
    return -(-offset // settings.PAGE_BYTES) * settings.PAGE_BYTES


def encode(header: PackedHeader) -> tuple[bytes, Layout]:
    """Return prefix and JSON header as bytes, and the file's layout."""
    text = json.dumps(asdict(header), sort_keys=True, separators=(",", ":")).encode()
    require(len(text) <= settings.MAX_PACKED_HEADER_BYTES, "its class names take too much room")
    prefix = PREFIX.pack(MAGIC, VERSION, len(text), zlib.crc32(text), 0)
    return prefix + text, Layout.of(header, len(text))


def prefix_fields(prefix: bytes) -> tuple[int, int]:
    """Return (bytes of the header, its CRC-32); raise DataError where it is not a prefix of version 1."""
    require(prefix[:8] == MAGIC[: len(prefix)] and bool(prefix), "it does not start with XDNPACK")
    require(len(prefix) == PREFIX.size, "it ends within its prefix")
    _, version, header_bytes, crc, reserved = PREFIX.unpack(prefix)
    require(version == VERSION, f"its version is {version}; this program reads version {VERSION}")
    require(not reserved and header_bytes <= settings.MAX_PACKED_HEADER_BYTES, "its prefix is damaged")
    return header_bytes, crc


def decode(text: bytes, crc: int) -> PackedHeader:
    """Return the header that `text` spells; raise DataError where it is damaged or states what cannot be."""
    require(zlib.crc32(text) == crc, "its header is damaged (checksum)")
    try:
        return Reader(ParseError).read(PackedHeader, json.loads(text))
    except (ValueError, RecursionError, ParseError) as error:
        raise _unusable(f"its header cannot be read: {error!s:.200}") from None


def require(holds: bool, what: str) -> None:
    """Raise DataError for a packed file, of which `what` is wrong, unless something `holds`."""
    if not holds:
        raise _unusable(what)


def _unusable(what: str) -> DataError:
    return DataError(f"the packed data cannot be used: {what}", mend="Make it again with xdn-pack")
