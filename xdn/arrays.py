"""Arrays in files: NumPy's .npy and .npz, and raw numbers.

Reading runs nothing, and allocates no more than a file says that it holds, within the limit of memory.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Container, Mapping
from math import prod
from pathlib import Path

import numpy as np

from xdn import memory
from xdn.errors import ParseError
from xdn.files import atomic_file, checked_size, read_bounded
from xdn.memory import Need

#: Number types of raw files, by their names in options; all are little-endian.
RAW_TYPES = {"f32": "<f4", "f16": "<f2", "f64": "<f8", "i32": "<i4", "i64": "<i8"}

_MAGIC = b"\x93NUMPY"
_MEMBER = ".npy"
#: The header of an array of plain numbers, as NumPy writes it.
_HEADER = re.compile(
    rb"\{'descr': '([<>|](?:[fiu][1248]|b1))', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,9},? ?){1,32})\), \}\s*"
)
#: What a damaged archive, or one that NumPy did not write, raises as it is read.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


def array_of(content: bytes, where: str) -> np.ndarray:
    """Return the array of plain numbers that a .npy file with `content` holds.

    Raises
    ------
    ParseError
        Naming `where`, when it is of another format, or holds other than numbers.
    """
    try:
        return _parsed(content)
    except (ValueError, struct.error) as error:
        raise ParseError(f"this is not an array of numbers that NumPy saved: {error}", where=where) from None


def _parsed(content: bytes) -> np.ndarray:
    if not content.startswith(_MAGIC):
        raise ValueError("it does not begin with \\x93NUMPY")
    start, form = (10, "<H") if content[6:7] == b"\1" else (12, "<I")
    (length,) = struct.unpack_from(form, content, 8)
    header = _HEADER.fullmatch(content, start, start + length)
    if header is None:
        raise ValueError("its header tells of something else")
    dtype, by_columns, extents = (part.decode() for part in header.groups())
    shape = [int(extent) for extent in extents.replace(",", " ").split()]
    values = np.frombuffer(content, np.dtype(dtype), offset=header.end())
    if prod(shape) != values.size:
        raise ValueError(f"it has {values.size} numbers for the shape {tuple(shape)}")
    return values.reshape(shape, order="F" if by_columns == "True" else "C")


def read_array(path: Path) -> np.ndarray:
    """Return the array in a .npy file; raise ParseError as `array_of` does, and where the file cannot be read."""
    return array_of(read_bounded(path, memory.limit()), str(path))


def read_arrays(path: Path, names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """Return name -> array of a .npz file, of those of `names` alone where they are given.

    Raises
    ------
    ParseError
        When the file is missing, damaged, of another format, or holds other than arrays of numbers.
    MemoryLimitError
        When its arrays take more memory than is allowed.
    """
    checked_size(path, memory.limit())
    try:
        with zipfile.ZipFile(path) as archive:
            members = {each.filename.removesuffix(_MEMBER): each for each in archive.infolist()}
            asked = {name: each for name, each in members.items() if names is None or name in names}
            memory.require((Need(each.filename, each.file_size) for each in asked.values()), f"reading {path}")
            contents = {name: archive.read(each) for name, each in asked.items()}
    except _DAMAGE as error:
        raise ParseError(f"this is not an archive of arrays that NumPy saved: {error}", where=str(path)) from None
    return {name: array_of(content, f"{path}: {name}") for name, content in contents.items()}


def read_raw(path: Path, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the numbers of a raw file as an array of (N, `shape`), N as many as there are.

    Parameters
    ----------
    path : Path
    kind : str
        One of `RAW_TYPES`.
    shape : tuple of int
        Of one of the N.

    Raises
    ------
    ParseError
        When the file cannot be read, or does not hold a whole number of such arrays.
    """
    content, dtype = read_bounded(path, memory.limit()), np.dtype(RAW_TYPES[kind])
    each = prod(shape) * dtype.itemsize
    if not content or len(content) % each:
        what = f"{len(content)} bytes are not a whole number of arrays {shape} of {kind}, {each} bytes each"
        raise ParseError(what, where=str(path))
    return np.frombuffer(content, dtype).reshape(-1, *shape)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a .npz file, whole or not at all; unlike `numpy.savez` it takes any names."""
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}{_MEMBER}", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
