"""The values of large constants where they lie: in the model's file, or in files beside it, mapped into memory.

The package `onnx` would copy them three times; here a layer copies an array once, where it is not aligned.
"""

import mmap
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto

from xdn.errors import ParseError
from xdn.files import about, checked_size
from xdn.frontend import wire
from xdn.frontend.wire import Span
from xdn.graph import Array

#: Fields of ModelProto, GraphProto and TensorProto (onnx.proto).
_GRAPH, _INITIALIZER, _DATA_TYPE, _SEGMENT, _RAW_DATA = 7, 5, 2, 3, 9
#: Shorter values stay in their message.
_LEAST_BYTES = 1 << 10
#: The types of elements that lie in a file as in memory.
_TYPES: dict[int, np.dtype[Any]] = {
    TensorProto.FLOAT: np.dtype("<f4"),
    TensorProto.DOUBLE: np.dtype("<f8"),
    TensorProto.FLOAT16: np.dtype("<f2"),
    TensorProto.INT8: np.dtype("i1"),
    TensorProto.UINT8: np.dtype("u1"),
    TensorProto.INT16: np.dtype("<i2"),
    TensorProto.UINT16: np.dtype("<u2"),
    TensorProto.INT32: np.dtype("<i4"),
    TensorProto.UINT32: np.dtype("<u4"),
    TensorProto.INT64: np.dtype("<i8"),
    TensorProto.UINT64: np.dtype("<u8"),
}


def mapped(path: Path, limit_bytes: int) -> memoryview:
    """Return the content of the regular file `path`; raise ParseError as `xdn.files.checked_size` does."""
    if not checked_size(path, limit_bytes):
        return memoryview(b"")
    with about(path), path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def parted(content: memoryview, file: str) -> tuple[bytes, dict[int, memoryview]]:
    """Return a model's message without the values of large constants of its graph, and those by the constants' numbers.

    Raises
    ------
    ParseError
        Where the content is no message.
    """
    kept, values, number = bytearray(), dict[int, memoryview](), 0
    for entry in wire.entries(Span(content, 0, len(content), file)):
        if entry.number != _GRAPH:
            kept += content[entry.tag : entry.value.stop]
            continue
        graph = bytearray()
        for each in wire.entries(entry.message()):
            if each.number != _INITIALIZER:
                graph += content[each.tag : each.value.stop]
                continue
            tensor, raw = _tensor(each.message())
            graph += wire.encode_bytes(_INITIALIZER, tensor)
            values |= {} if raw is None else {number: raw}
            number += 1
        kept += wire.encode_bytes(_GRAPH, bytes(graph))
    return bytes(kept), values


def _tensor(span: Span) -> tuple[bytes, memoryview | None]:
    """Return the message of a constant, and its values where they can be taken out of it."""
    found = list(wire.entries(span))
    raw = [each for each in found if each.number == _RAW_DATA]
    kinds = [each.integer() for each in found if each.number == _DATA_TYPE]
    plain = bool(kinds) and kinds[-1] in _TYPES and all(each.number != _SEGMENT for each in found)
    if not plain or not raw or raw[-1].message().size < _LEAST_BYTES:
        return bytes(span.data[span.start : span.stop]), None
    kept = (each for each in found if each.number != _RAW_DATA)
    value = raw[-1].value
    return b"".join(span.data[each.tag : each.value.stop] for each in kept), span.data[value.start : value.stop]


def array_at(tensor: TensorProto, values: memoryview) -> Array | None:
    """Return the array of a tensor whose values lie elsewhere, None of a type whose elements have to be unpacked.

    Raises
    ------
    ParseError
        Where the values are not as many as the shape says.
    """
    if tensor.data_type not in _TYPES or tensor.HasField("segment"):
        return None
    kind, shape = _TYPES[tensor.data_type], tuple(tensor.dims)
    if min(shape, default=1) < 0 or prod(shape) * kind.itemsize != len(values):
        what = f"{len(values)} bytes for a shape of {shape}, each element of {kind.itemsize}"
        raise ParseError(f"the values of the tensor {tensor.name!r} are damaged: {what}")
    found: Array = np.frombuffer(values, kind).reshape(shape)
    return found
