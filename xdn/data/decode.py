"""Decode and resize images with OpenCV, as Caffe's ImageData does, within bounds."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from xdn import settings
from xdn.data import tiff
from xdn.data.dataset import Size
from xdn.errors import DataError, ParseError
from xdn.files import read_bounded
from xdn.graph import Array

#: File name endings that `image_size` understands.
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif"))
_FOREIGN = "no PNG, JPEG, BMP, WebP, TIFF or GIF image"
OPENCV_VERSION: str = cv2.__version__

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
#: Length, type and checksum of a PNG chunk.
_PNG_CHUNK_BYTES = 12
#: JPEG start-of-frame markers: SOF0..SOF15 without DHT, JPG and DAC.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = b"\xff\xda"
_GIF_MAGICS = (b"GIF87a", b"GIF89a")
_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))


def image_size(content: bytes) -> Size:
    """Return (height, width) as the encoded image states them; raise ValueError where it is of no known format.

    OpenCV allocates what a file claims before it reads the pixels, so the claim is read first. Where decoders are
    lenient (rubbish between JPEG segments) this is not, lest they find another size than this.
    """
    try:
        if content.startswith(_PNG_MAGIC):
            _check_chunks(content)
            width, height = struct.unpack_from(">II", content, 16)
        elif content.startswith(b"\xff\xd8"):
            height, width = _jpeg_size(content)
        elif content.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", content, 18)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            height, width = _webp_size(content)
        elif content[:6] in _GIF_MAGICS:
            width, height = struct.unpack_from("<HH", content, 6)
        elif content[:4] in (*tiff.MAGICS, *tiff.BIG_MAGICS):
            (height, width), _ = tiff.tiff_size(content)
        else:
            raise ValueError(_FOREIGN)
    except struct.error:
        raise ValueError("the image ends within its header") from None
    return abs(height), abs(width)


def _check_chunks(content: bytes) -> None:
    """Raise ValueError where a chunk of a PNG is longer than what follows; OpenCV allocates what a chunk claims."""
    at, kind = len(_PNG_MAGIC), b""
    while at < len(content) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, at)
        at += _PNG_CHUNK_BYTES + length
        if at > len(content):
            raise ValueError("a PNG chunk is cut off")


def _jpeg_size(content: bytes) -> Size:
    at = 2
    while at < len(content):
        marker = content[at + 1] if at + 1 < len(content) else 0
        if content[at] != 0xFF or not marker:
            raise ValueError("a JPEG segment does not start with a marker")
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return height, width
        elif marker in _JPEG_WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", content, at + 2)[0])
    raise ValueError("a JPEG without a frame")


def _webp_size(content: bytes) -> Size:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (extent & 0x3FFF for extent in struct.unpack_from("<HH", content, 26))
    return height, width


def decode(path: Path, grey: bool = False) -> Array:
    """Return the image in a file; see `decoded`, whose errors name the file."""
    try:
        content = read_bounded(path, settings.MAX_IMAGE_BYTES)
    except ParseError as error:
        raise DataError(f"cannot decode the image: {error.what}", where=str(path)) from None
    return decoded(content, str(path), grey)


@dataclass(frozen=True)
class Bounds:
    """How many pixels an image may claim, and how many all scans of a JPEG may pass."""

    pixels: int
    scanned: int


def decoded(content: bytes, where: str, grey: bool = False, bounds: Bounds | None = None) -> Array:
    """Return the image, u8 (H, W, 3), B,G,R, or (H, W, 1), turned as its EXIF data says; of several the first.

    Whatever the content holds becomes eight bits a channel, and three channels or, with `grey`, one, as
    OpenCV does it: alpha is left out, a palette looked up, C,M,Y,K made B,G,R.

    Raises
    ------
    DataError
        When it is not an image, or claims more than `bounds`, by default those of files; it names the place `where`.
    """
    bounds = bounds or Bounds(settings.MAX_IMAGE_PIXELS, settings.MAX_SCANNED_PIXELS)
    try:
        height, width = image_size(content)
        scanned = _scanned_pixels(content, height * width)
    except ValueError as error:
        # Phones and browsers give HEIC and AVIF any name.
        mend = "Make a file of these formats of it, or take it out" if str(error) == _FOREIGN else None
        raise DataError(f"cannot decode the image: {error}", where=where, mend=mend) from None
    if not 0 < height * width <= bounds.pixels:
        raise DataError(f"the image claims {height}x{width} pixels; 1 to {bounds.pixels} are read", where=where)
    if scanned > bounds.scanned:
        raise DataError(f"the image has {content.count(_JPEG_SCAN)} scans of {height}x{width} pixels", where=where)
    try:
        with _silent():
            flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
            image = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    except cv2.error as error:
        raise DataError(f"OpenCV cannot decode the image: {error.err}", where=where) from None
    if image is None:
        raise DataError(f"OpenCV {OPENCV_VERSION} cannot decode the image", where=where, mend=_why_undecoded(content))
    return image.reshape(*image.shape[:2], -1)


def _scanned_pixels(content: bytes, pixels: int) -> int:
    """Return the pixels that all scans of a JPEG pass, in a TIFF too."""
    if content.startswith(b"\xff\xd8"):
        return content.count(_JPEG_SCAN) * pixels
    return tiff.tiff_size(content)[1] if content[:4] in tiff.MAGICS else 0


def _why_undecoded(content: bytes) -> str:
    if content[:6] in _GIF_MAGICS:
        return "Is it damaged? OpenCV reads GIF from version 4.11 on; or make it a PNG"
    return "Is it damaged or cut off?"


@contextmanager
def _silent() -> Iterator[None]:
    """Keep OpenCV from printing what it finds in a file: errors are told by `decode`."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def resize(image: Array, size: Size) -> Array:
    """Return the image (H, W, C) at (height, width) = `size`, bilinear: Caffe's io.cpp calls cv::resize so."""
    if image.shape[:2] == size:
        return image
    return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR).reshape(*size, -1)


def resize_record(size: Size) -> dict[str, str]:
    """Return what a data set's `preprocessing` says of `resize` to (height, width) = `size`."""
    return {"resize": f"{size[0]}x{size[1]} bilinear", "opencv": OPENCV_VERSION}
