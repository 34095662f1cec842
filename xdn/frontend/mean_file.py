"""Mean images in files: Caffe's binaryproto, or, by the ending ``.npy``, an array as pycaffe's users keep it."""

import io
from pathlib import Path

import numpy as np

from xdn import settings
from xdn.errors import ParseError
from xdn.files import read_bounded, write_atomically
from xdn.frontend.binaryproto import read_binaryproto, write_binaryproto
from xdn.graph.layer import Array

_ARRAY = ".npy"


def read_mean(path: Path) -> Array:
    """Return the mean image in `path`, f32 (C, H, W).

    Raises
    ------
    ParseError
        When the file is missing, too large, of another format, or holds no single image.
    """
    if path.suffix.lower() != _ARRAY:
        return read_binaryproto(path)
    content = read_bounded(path, settings.MAX_MEAN_BYTES)
    try:
        values = _array(io.BytesIO(content), content)
    except (ValueError, TypeError, SyntaxError, EOFError) as error:
        raise ParseError(f"this is no array of numbers that NumPy saved: {error}", where=str(path)) from None
    shape = values.shape[1:] if values.ndim == 4 and values.shape[0] == 1 else values.shape
    if len(shape) != 3 or values.size == 0:
        raise ParseError(f"the mean has the shape {values.shape} instead of one image (C, H, W)", where=str(path))
    return np.ascontiguousarray(values.reshape(shape), np.float32)


def _array(file: io.BytesIO, content: bytes) -> Array:
    """Return the array of plain numbers in a .npy file, without allocating what its header claims."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = header(file)
    if dtype.kind not in "fiu":
        raise ValueError(f"its values are of the type {dtype}")
    values: Array = np.frombuffer(content, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if by_columns else "C")


def write_mean(path: Path, mean: Array) -> None:
    """Write the mean image (C, H, W) to `path`, whole or not at all, in the format of its ending."""
    if path.suffix.lower() != _ARRAY:
        write_binaryproto(path, mean)
        return
    made = io.BytesIO()
    np.save(made, mean)
    write_atomically(path, made.getvalue())
