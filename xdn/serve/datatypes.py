"""The protocol's datatypes, and arrays of them from raw bytes and from lists of values, and back.

Source of names and forms: the Open Inference Protocol, version 2 (KServe), and its binary tensor extension: values lie
one after the other in row-major order, little-endian; each element of BYTES is its length in 4 bytes, and its content.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from xdn import settings
from xdn.element import BF16
from xdn.errors import listed
from xdn.graph import Array, Shape
from xdn.serve.messages import BadRequestError, Tensor, TooLargeError

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Datatype:
    """How values of a tensor are called, and stored.

    Parameters
    ----------
    name : str
        The protocol's.
    dtype : NumPy type
        Of the array; objects, each `bytes`, of BYTES, and the upper half of an f32 as u16 of BF16.
    python : tuple of type
        Of a value in a list, such as JSON has.
    """

    name: str
    dtype: np.dtype
    python: tuple[type, ...]


def _known() -> dict[str, Datatype]:
    """Return name -> datatype."""
    known = {"BOOL": Datatype("BOOL", np.dtype(np.bool_), (bool,))}
    for bits in (8, 16, 32, 64):
        for name, code in ((f"INT{bits}", "i"), (f"UINT{bits}", "u")):
            known[name] = Datatype(name, np.dtype(f"<{code}{bits // 8}"), (int,))
    for bits in (16, 32, 64):
        known[f"FP{bits}"] = Datatype(f"FP{bits}", np.dtype(f"<f{bits // 8}"), (int, float))
    known["BF16"] = Datatype("BF16", np.dtype("<u2"), (int, float))
    known["BYTES"] = Datatype("BYTES", np.dtype(object), (str, bytes))
    return known


#: Name -> datatype.
DATATYPES = _known()
#: Names of datatypes by what they are stored as; the protocol has one for each but BF16.
_NAMES = {each.dtype: name for name, each in DATATYPES.items() if name != "BF16"}


def datatype_of(name: str) -> Datatype:
    """Return the datatype of a name; BadRequestError for one that the protocol does not have."""
    if name not in DATATYPES:
        raise BadRequestError(f"unknown datatype {name[:16]!r}", mend=f"Known: {', '.join(DATATYPES)}")
    return DATATYPES[name]


def name_of(dtype: np.dtype) -> str:
    """Return the name of the datatype that a NumPy type stores."""
    return _NAMES[np.dtype(dtype)]


def raw_bytes(datatype: str, shape: Shape) -> int | None:
    """Return how many bytes a tensor has in the binary form, None of BYTES, whose elements tell their lengths."""
    dtype = datatype_of(datatype).dtype
    return None if dtype.hasobject else math.prod(shape) * dtype.itemsize


def content_bytes(tensor: Tensor) -> int:
    """Return how many bytes the values of a tensor take in memory, those of BYTES among them."""
    data = tensor.data
    return data.nbytes + (sum(map(len, data.flat)) if data.dtype.hasobject else 0)


def from_raw(name: str, datatype: str, shape: Sequence[int], raw: bytes | bytearray | memoryview) -> Tensor:
    """Return the tensor `name` of its binary form; its data is a view of `raw`, but for BYTES.

    Raises
    ------
    BadRequestError
        Where shape and bytes do not belong together.
    TooLargeError
        For more elements of BYTES than `settings.MAX_BYTES_ELEMENTS`.
    """
    extents, kind = _checked_shape(name, shape), datatype_of(datatype)
    if kind.dtype.hasobject:
        return Tensor(name, datatype, _objects(name, _parted(name, memoryview(raw), math.prod(extents)), extents))
    expected, found = raw_bytes(datatype, extents), memoryview(raw).nbytes
    if found != expected:
        what = f"{found} bytes; {datatype} of the shape {list(extents)} has {expected}"
        raise BadRequestError(what, where=_input(name))
    return Tensor(name, datatype, np.frombuffer(raw, kind.dtype).reshape(extents))


def to_raw(data: Array) -> memoryview:
    """Return the binary form of an array; of one that is contiguous, and not BYTES, a view of it."""
    if data.dtype.hasobject:
        parts = (part for each in data.ravel() for part in (_LENGTH.pack(len(each)), each))
        return memoryview(b"".join(parts))
    little = np.ascontiguousarray(data, data.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data


def from_values(name: str, datatype: str, shape: Sequence[int], values: Sequence[Any]) -> Tensor:
    """Return the tensor `name` of a list of values, flat or as deep as it has axes; texts of BYTES are UTF-8.

    Raises
    ------
    BadRequestError
        For values of another kind, or number, or that the datatype does not hold.
    TooLargeError
        For more elements of BYTES than `settings.MAX_BYTES_ELEMENTS`.
    """
    extents, kind = _checked_shape(name, shape), datatype_of(datatype)
    flat = _flat(name, values, extents)
    if wrong := set(map(type, flat)).difference(kind.python):
        names = ", ".join(sorted(each.__name__ for each in wrong))
        raise BadRequestError(f"values are of the kind {names}, which {datatype} does not hold", where=_input(name))
    if kind.dtype.hasobject:
        texts = [each.encode(errors="replace") if isinstance(each, str) else each for each in flat]
        return Tensor(name, datatype, _objects(name, texts, extents))
    return Tensor(name, datatype, _numbers(name, kind, flat).reshape(extents))


def from_pieces(name: str, datatype: str, shape: Sequence[int], pieces: Iterable[Sequence[Any]]) -> Tensor:
    """Return the tensor `name` of a flat list of values that is given piece by piece; errors as of `from_values`."""
    extents, kind = _checked_shape(name, shape), datatype_of(datatype)
    wanted, found = math.prod(extents), 0
    if kind.dtype.hasobject:
        _check_objects(name, wanted)
    parts = [np.empty(0, kind.dtype)]
    for piece in pieces:
        found += len(piece)
        if found > wanted:
            raise BadRequestError(f"more values than the {wanted} that the shape says", where=_input(name))
        parts.append(from_values(name, datatype, (len(piece),), piece).data)
    if found < wanted:
        raise BadRequestError(f"{found} values; the shape says {wanted}", where=_input(name))
    return Tensor(name, datatype, np.concatenate(parts).reshape(extents))


def to_values(tensor: Tensor) -> list[Any]:
    """Return the flat list of a tensor's values, as JSON has it; bytes that are not UTF-8 are shown as U+FFFD."""
    if tensor.data.dtype.hasobject:
        return [each.decode(errors="replace") for each in tensor.data.ravel()]
    data = BF16.loaded(tensor.data) if tensor.datatype == "BF16" else tensor.data
    values: list[Any] = data.ravel().tolist()
    return values


def _input(name: str) -> str:
    return f"input {name[:64]!r}"


def _checked_shape(name: str, shape: Sequence[int]) -> Shape:
    """Return the extents; BadRequestError where they are not whole numbers, or too many or too large."""
    whole = len(shape) <= settings.MAX_BLOB_AXES and all(type(extent) is int and extent >= 0 for extent in shape)
    if not whole or any(extent > settings.MAX_BLOB_ELEMENTS for extent in shape):
        told = listed([str(extent)[:20] for extent in shape[: settings.MAX_BLOB_AXES]])
        raise BadRequestError(f"[{told}] is not a shape of whole numbers that are not negative", where=_input(name))
    if math.prod(shape) > settings.MAX_BLOB_ELEMENTS:
        what = f"the shape {list(shape)} has more than {settings.MAX_BLOB_ELEMENTS} elements"
        raise BadRequestError(what, where=_input(name))
    return tuple(shape)


def _objects(name: str, values: Sequence[bytes], shape: Shape) -> Array:
    """Return an array of `bytes`."""
    _check_objects(name, len(values))
    found = np.empty(len(values), object)
    found[:] = values
    return found.reshape(shape)


def _check_objects(name: str, count: int) -> None:
    """Raise TooLargeError for more elements of BYTES than are read."""
    if count > settings.MAX_BYTES_ELEMENTS:
        what = f"{count} elements of BYTES; at most {settings.MAX_BYTES_ELEMENTS} are read"
        raise TooLargeError(what, where=_input(name))


def _parted(name: str, raw: memoryview, count: int) -> list[bytes]:
    """Return the elements of BYTES in their binary form, of which there must be `count`, and nothing else."""
    found: list[bytes] = []
    at, end = 0, raw.nbytes
    while at + _LENGTH.size <= end and len(found) < min(count, settings.MAX_BYTES_ELEMENTS + 1):
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if length > end - at:
            raise BadRequestError(f"element {len(found)} of BYTES ends after the data", where=_input(name))
        found.append(bytes(raw[at : at + length]))
        at += length
    if at != end and len(found) <= settings.MAX_BYTES_ELEMENTS:
        raise BadRequestError(f"more bytes than {count} elements of BYTES have", where=_input(name))
    _check_number(name, found, min(count, settings.MAX_BYTES_ELEMENTS + 1))
    return found


def _check_number(name: str, values: Sequence[Any], count: int) -> None:
    """Raise BadRequestError where the values are not `count`."""
    if len(values) != count:
        raise BadRequestError(f"{len(values)} values; the shape says {count}", where=_input(name))


def _flat(name: str, values: Sequence[Any], shape: Shape) -> Sequence[Any]:
    """Return nested lists as one."""
    for _ in shape[1:]:
        if not all(isinstance(each, list) for each in values):
            break
        values = list(chain.from_iterable(values))
    _check_number(name, values, math.prod(shape))
    return values


def _numbers(name: str, kind: Datatype, values: Sequence[Any]) -> Array:
    """Return numbers as the datatype stores them; BadRequestError for one that it does not hold."""
    try:
        if kind.name == "BF16":
            return BF16.stored(np.array(values, np.float32))
        if kind.dtype.kind in "iu" and values:
            _check_range(np.iinfo(kind.dtype), values)
        if kind.dtype.kind != "f":
            return np.array(values, kind.dtype)
        with np.errstate(over="raise"):
            return np.array(values, np.float64).astype(kind.dtype)
    except (OverflowError, FloatingPointError):
        raise BadRequestError(f"a value is beyond what {kind.name} holds", where=_input(name)) from None


def _check_range(held: np.iinfo, values: Sequence[int]) -> None:
    """Raise OverflowError for a whole number that a type does not hold; NumPy 1 takes its lower bits."""
    if min(values) < held.min or max(values) > held.max:
        raise OverflowError
