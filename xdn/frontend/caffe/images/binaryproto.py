"""Mean images: one BlobProto in a file of its own (``mean.binaryproto``)."""

from pathlib import Path

import numpy as np

from xdn import settings
from xdn.errors import DataError, ParseError
from xdn.files import atomic_file, read_bounded
from xdn.frontend.caffe.weights.blobproto import encode_blob_head, read_blob
from xdn.frontend.wire import Span
from xdn.graph import Array


def read_binaryproto(path: Path) -> Array:
    """Return the mean image in `path`, f32 (C, H, W).

    Raises
    ------
    ParseError
        When the file is missing, too large or not a BlobProto, or does not hold exactly one image.
    """
    content = read_bounded(path, settings.MAX_MEAN_BYTES)
    blob = read_blob(Span(memoryview(content), 0, len(content), str(path)))
    shape = blob.shape[1:] if len(blob.shape) == 4 and blob.shape[0] == 1 else blob.shape
    if len(shape) != 3 or blob.data.size == 0:
        raise ParseError(f"the mean has the shape {blob.shape} instead of one image (C, H, W)", where=str(path))
    return blob.data.reshape(shape)


def write_binaryproto(path: Path, mean: Array) -> None:
    """Write the mean image `mean`, (C, H, W), to `path`, whole or not at all; raise DataError for another shape."""
    if mean.ndim != 3:
        raise DataError(f"a mean image has the axes (C, H, W), not the shape {mean.shape}")
    with atomic_file(path) as file:
        file.write(encode_blob_head(mean.shape, legacy=True)[0])
        file.write(np.ascontiguousarray(mean, "<f4").data)
