"""Packed data: decoded images in one file that is mapped into memory. `header.py` describes the format."""

import os
import shutil
import zlib
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from xdn import memory, settings
from xdn.data import header as headers
from xdn.data.dataset import Dataset, Progress
from xdn.data.header import DTYPES, PREFIX, Layout, PackedHeader, require
from xdn.errors import DamageError, DataError, placed
from xdn.files import about, atomic_file
from xdn.graph import Array
from xdn.memory import Need


class PackedData(Dataset):
    """An opened packed file, a data set whose images are mapped into memory.

    Parameters
    ----------
    path : Path
        The file.
    header : PackedHeader
        What it says of its images.
    pixels : (N, H, W, C) memmap
        u8 or f32, read-only; pages are read when they are touched.
    labels : (N,) int32
        One label an image.
    layout : Layout
        Where the file's parts are.
    """

    def __init__(self, path: Path, header: PackedHeader, pixels: Array, labels: Array, layout: Layout):
        self.path, self.header, self.pixels, self.labels, self._layout = path, header, pixels, labels, layout
        self.name, self.title, self.split, self.classes = header.dataset, header.title, header.split, header.classes
        self.channel_order, self.shape = header.channel_order, header.shape[1:]
        self.preprocessing, self.origin = header.preprocessing, str(path.resolve())

    def _images(self, start: int, stop: int) -> Array:
        return np.asarray(self.pixels[start:stop])

    @classmethod
    def open(cls, path: Path) -> "PackedData":
        """Map the file; check its header, its length and its labels, but not the pixels (see `verify`).

        Raises
        ------
        DataError
            With the reason, where the file is missing, foreign, cut off or damaged.
        """
        if not path.is_file():
            raise DataError("no such file", where=str(path), mend="Make it with xdn-pack")
        with placed(str(path), DataError), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            header_bytes, crc = headers.prefix_fields(file.read(PREFIX.size))
            text = file.read(header_bytes)
            require(len(text) == header_bytes, "it is cut off within its header")
            header = headers.decode(text, crc)
            layout = Layout.of(header, header_bytes)
            fault = "cut off" if size < layout.end else "followed by something else"
            require(size == layout.end, f"it is {fault}: {size} bytes instead of {layout.end}")
            with about(path):
                pixels: Array = np.memmap(file, DTYPES[header.dtype], "r", layout.pixels, header.shape)
            file.seek(layout.labels)
            raw = file.read(headers.WORD_BYTES * header.shape[0])
            require(zlib.crc32(raw) == header.labels_crc32, "its labels are damaged (checksum)")
            labels = np.frombuffer(raw, "<i4").astype(np.int32)
            _check_labels(labels, len(header.classes))
            return cls(path, header, pixels, labels, layout)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as the file's name: whoever gets it opens the file, and reads of it what it needs."""
        return opened_again, (self.path.absolute(),)

    def checksums(self) -> Array:
        """Return the (M,) u32 checksums of the pixels, as the file has them."""
        with self.path.open("rb") as file:
            file.seek(self._layout.checksums)
            return np.frombuffer(file.read(), "<u4")

    def content(self) -> bytes:
        """Return the checksums of the pixels."""
        return self.checksums().tobytes()

    def verify(self, progress: Progress | None = None) -> None:
        """Read the whole file against its checksums; raise DamageError that names the first damaged part.

        `progress` is told the bytes that are done.
        """
        layout, pixel_bytes = self._layout, self.header.pixel_bytes
        with self.path.open("rb") as file:
            file.seek(layout.pixels)
            for number, checksum in enumerate(self.checksums().tolist()):
                start = number * settings.CHECKSUM_BYTES
                stop = min(start + settings.CHECKSUM_BYTES, pixel_bytes)
                if zlib.crc32(file.read(stop - start)) != checksum:
                    raise self._damaged(start, stop)
                if progress is not None:
                    progress(stop, pixel_bytes)
            ends = (layout.header_end, layout.pixels + pixel_bytes, layout.labels + 4 * len(self.labels))
            for end, start in zip(ends, (layout.pixels, layout.labels, layout.checksums), strict=True):
                file.seek(end)
                if any(file.read(start - end)):
                    raise DamageError(f"damaged between bytes {end} and {start}", where=str(self.path))

    def _damaged(self, start: int, stop: int) -> DamageError:
        first, last = start // self.header.image_bytes, (stop - 1) // self.header.image_bytes
        what = f"the pixels are damaged in images {first}..{last}"
        return DamageError(what, where=str(self.path), mend="Make the file again with xdn-pack")


def opened_again(path: Path) -> PackedData:
    """Return the packed file at `path`: what one becomes in the process that it travels to."""
    return PackedData.open(path)


def pack(dataset: Dataset, path: Path, progress: Progress | None = None, *, dtype: str = "u8") -> PackedHeader:
    """Write the data set as a packed file, a few images at a time, whole or not at all.

    Parameters
    ----------
    dataset : Dataset
        What to write.
    path : Path
        The file to make.
    progress : callable, optional
        Told the images that are done.
    dtype : str
        ``"u8"`` or ``"f32"``; the values are 0..255 in both.

    Raises
    ------
    DataError
        Where the disk has no room for the file.
    MemoryLimitError
        Where one image takes too much.
    """
    labels = dataset.labels.astype("<i4")
    _check_labels(labels, len(dataset.classes))
    header = PackedHeader(
        dataset=dataset.name,
        title=dataset.title,
        split=dataset.split,
        classes=dataset.classes,
        channel_order=dataset.channel_order,
        shape=(len(dataset), *dataset.shape),
        dtype=dtype,
        preprocessing=dataset.preprocessing,
        opencv=dataset.preprocessing.get("opencv", ""),
        labels_crc32=zlib.crc32(labels.tobytes()),
        version=headers.VERSION,
    )
    head, layout = headers.encode(header)
    _check_room(path, layout.end)
    at_once = _images_at_once(header)
    checksums = _Checksums()
    with atomic_file(path) as file:
        file.write(head)
        _pad(file, layout.pixels)
        for images in dataset.batches(at_once, progress):
            content = np.ascontiguousarray(images.astype(DTYPES[dtype])).data.cast("B")
            checksums.add(content)
            file.write(content)
        _pad(file, layout.labels)
        file.write(labels.tobytes())
        _pad(file, layout.checksums)
        file.write(np.array(checksums.finish(), "<u4").tobytes())
    return header


def _images_at_once(header: PackedHeader) -> int:
    """Return how many images to read at a time; raise MemoryLimitError where not even one fits into memory."""
    # Decoded, resized, turned round and as they are stored.
    size = 3 * prod(header.shape[1:]) + header.image_bytes
    memory.require([Need("one image", size)], "packing")
    return memory.images_at_once(size, settings.PACK_IMAGES)


def _check_room(path: Path, size: int) -> None:
    """Raise DataError unless the disk of `path` has room for a file of `size` bytes."""
    folder = next((parent for parent in path.absolute().parents if parent.is_dir()), None)
    free = shutil.disk_usage(folder).free if folder else size
    # A device or a pipe takes what it takes.
    if free < size and (path.is_file() or not path.exists()):
        what = f"the packed data takes {memory.shown_size(size)}, but {memory.shown_size(free)} are free on its disk"
        mend = "Make room, name a place on another disk (xdn-pack -o, or XDN_CACHE), or use xdn-run --online"
        raise DataError(what, where=str(path), mend=mend)


def cached_path(dataset: Dataset, dtype: str = "u8") -> Path:
    """Return where the packed form of the data set is kept in the cache; it tells apart all that `pack` may write."""
    height, width, _ = dataset.shape
    parts = [dataset.name, dataset.split, f"{height}x{width}", dataset.channel_order, dtype]
    if dataset.origin:
        parts.insert(1, f"{zlib.crc32(os.fsencode(dataset.origin)):08x}")
    return settings.cache_dir() / "packed" / f"{'-'.join(parts)}.packed"


class _Checksums:
    """The CRC-32 of each `settings.CHECKSUM_BYTES` of a stream."""

    def __init__(self) -> None:
        self._done: list[int] = []
        self._crc, self._filled = 0, 0

    def add(self, content: memoryview) -> None:
        """Take the next bytes of the stream."""
        while content:
            piece = content[: settings.CHECKSUM_BYTES - self._filled]
            self._crc = zlib.crc32(piece, self._crc)
            self._filled += len(piece)
            content = content[len(piece) :]
            if self._filled == settings.CHECKSUM_BYTES:
                self._done.append(self._crc)
                self._crc, self._filled = 0, 0

    def finish(self) -> list[int]:
        """Return all checksums, that of the rest included."""
        return [*self._done, self._crc] if self._filled else self._done


def _pad(file: BinaryIO, offset: int) -> None:
    file.write(bytes(offset - file.tell()))


def _check_labels(labels: Array, classes: int) -> None:
    if not len(labels):
        raise DataError("the data set holds no images")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels from {labels.min()} to {labels.max()}; there are {classes} classes")
