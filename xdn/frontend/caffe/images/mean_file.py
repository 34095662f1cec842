"""Mean images in files: Caffe's binaryproto, or, by the ending ``.npy``, an array as pycaffe's users keep it."""

from pathlib import Path

import numpy as np

from xdn import settings
from xdn.arrays import array_of
from xdn.errors import DataError, ParseError
from xdn.files import atomic_file, read_bounded
from xdn.frontend.caffe.weights.blobproto import encode_blob_head, read_blob
from xdn.frontend.wire import Span
from xdn.graph import Array

_ARRAY = ".npy"
_IMAGE = "one image (C, H, W)"


def read_binaryproto(path: Path) -> Array:
    """Return the mean image in `path`, f32 (C, H, W).

    Raises
    ------
    ParseError
        When the file is missing, too large or not a BlobProto, or does not hold exactly one image.
    """
    content = read_bounded(path, settings.MAX_MEAN_BYTES)
    blob = read_blob(Span(memoryview(content), 0, len(content), str(path)))
    if blob.scales is not None:
        raise ParseError("the mean has scales of filters, as weights have", where=str(path))
    if blob.is_packed:
        raise ParseError("the mean has the codes of a codebook, as weights have", where=str(path))
    return _one_image(blob.data, path, _IMAGE)


def _one_image(values: Array, path: Path, wanted: str) -> Array:
    """Return `values` with the axes (C, H, W); raise ParseError where they are not one image."""
    shape = values.shape[1:] if values.ndim == 4 and values.shape[0] == 1 else values.shape
    if len(shape) != 3 or values.size == 0:
        raise ParseError(f"the mean has the shape {values.shape} instead of {wanted}", where=str(path))
    return values.reshape(shape)


def write_binaryproto(path: Path, mean: Array) -> None:
    """Write the mean image `mean`, (C, H, W), to `path`, whole or not at all; raise DataError for another shape."""
    if mean.ndim != 3:
        raise DataError(f"a mean image has the axes (C, H, W), not the shape {mean.shape}")
    with atomic_file(path) as file:
        file.write(encode_blob_head(mean.shape, legacy=True)[0])
        file.write(np.ascontiguousarray(mean, "<f4").data)


def read_mean(path: Path) -> Array:
    """Return the mean image in `path`, f32 (C, H, W); (C, 1, 1) where a .npy file holds one number a channel.

    Raises
    ------
    ParseError
        When the file is missing, too large or of another format, or does not hold exactly one image.
    """
    if path.suffix.lower() != _ARRAY:
        return read_binaryproto(path)
    values = array_of(read_bounded(path, settings.MAX_MEAN_BYTES), str(path))
    if values.ndim == 1 and values.size:
        values = values[:, None, None]
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(_one_image(values, path, f"{_IMAGE}, or (C,)"), np.float32)


def write_mean(path: Path, mean: Array) -> None:
    """Write the mean image (C, H, W) to `path`, whole or not at all, in the format of its ending."""
    if path.suffix.lower() != _ARRAY:
        write_binaryproto(path, mean)
        return
    with atomic_file(path) as file:
        np.save(file, mean)
