"""An ONNX file, as it stands: bounded in size, with external data from beside it, of an operator set that is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx import TensorProto

from xdn import settings
from xdn.errors import ParseError, UnsupportedError, placed
from xdn.files import is_file
from xdn.frontend.onnx.read.mapped import array_at, mapped, parted
from xdn.graph import Array

#: The operator sets that are read: from the first in which elementwise operators broadcast as NumPy does.
OLDEST = 7
#: The names of ONNX's own operators.
DEFAULT_DOMAINS = ("", "ai.onnx")
#: No number of bytes has so many digits.
_MOST_DIGITS = 20


@dataclass(frozen=True)
class Model:
    """An ONNX file that was read.

    Parameters
    ----------
    proto : ModelProto
        Without the values of large constants of its graph.
    values : mapping
        Number of a constant among the graph's initializers -> its values, which lie in a file that is mapped.
    """

    proto: onnx.ModelProto
    values: Mapping[int, Array]


def read_model(path: Path) -> Model:
    """Return the model in the file `path`, with the values of tensors that lie in files beside it.

    Raises
    ------
    ParseError
        Where it is no ONNX model, is too large, or names external data outside of its folder or that is not there.
    UnsupportedError
        For an operator set that is too old, or newer than the package `onnx` that is installed.
    """
    content = mapped(path, settings.MAX_ONNX_BYTES)
    try:
        message, raw = parted(content, str(path))
        proto: onnx.ModelProto = onnx.ModelProto.FromString(message)
    except (ParseError, DecodeError) as error:
        raise ParseError("the file is no ONNX model, or a damaged one", where=str(path)) from error
    if not proto.graph.node:
        raise ParseError("the file is no ONNX model: it has no nodes", where=str(path))
    if not _is_text(proto):
        raise ParseError("the file is no ONNX model, or a damaged one: its names are not UTF-8", where=str(path))
    with placed(str(path), ParseError, UnsupportedError):
        opset_of(proto)
        constants = proto.graph.initializer
        values = {number: array_at(constants[number], each) for number, each in raw.items()}
    beside = _Beside(path)
    for number, tensor in enumerate(constants):
        if tensor.data_location == TensorProto.EXTERNAL:
            values[number] = beside.array(tensor)
    for tensor in _of_nodes(proto.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            beside.give(tensor)
    return Model(proto, {number: array for number, array in values.items() if array is not None})


def _is_text(message: Message) -> bool:
    """Return whether all strings of a message are text: protobuf hands on those that are not UTF-8 as bytes."""
    for field, value in message.ListFields():
        each = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
        if field.type == FieldDescriptor.TYPE_STRING and any(isinstance(part, bytes) for part in each):
            return False
        if field.type == FieldDescriptor.TYPE_MESSAGE and not all(map(_is_text, each)):
            return False
    return True


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operator set; UnsupportedError for one that is not read."""
    version = max((each.version for each in model.opset_import if each.domain in DEFAULT_DOMAINS), default=0)
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= version <= newest:
        old = version < OLDEST
        mend = "Export it anew, or convert it (onnx.version_converter)" if old else "Update the package onnx"
        raise UnsupportedError(f"the model is of operator set {version}; {OLDEST} to {newest} are read", mend=mend)
    return version


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Give a graph, and those that are attributes of its nodes and of theirs, outer ones first."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs(inner)


def _of_nodes(graph: onnx.GraphProto) -> list[TensorProto]:
    """Return the constants that are attributes of nodes, and those of the graphs that are."""
    found: list[TensorProto] = []
    for each in graphs(graph):
        found += each.initializer if each is not graph else []
        for attribute in (attribute for node in each.node for attribute in node.attribute):
            found += [attribute.t] if attribute.HasField("t") else []
            found += attribute.tensors
    return found


class _Beside:
    """The files beside a model that hold values of its tensors, each mapped once.

    Parameters
    ----------
    path : Path
        The model's.
    """

    def __init__(self, path: Path):
        self._path, self._folder = path, path.parent.resolve()
        self._mapped: dict[Path, memoryview] = {}

    def array(self, tensor: TensorProto) -> Array | None:
        """Return the values of a tensor; None where they have to be unpacked, and are given to it."""
        with placed(str(self._path), ParseError):
            found = array_at(tensor, self._values(tensor))
        if found is None:
            self.give(tensor)
        return found

    def give(self, tensor: TensorProto) -> None:
        """Copy a tensor's values into it."""
        tensor.raw_data = bytes(self._values(tensor))
        tensor.ClearField("data_location")
        tensor.ClearField("external_data")

    def _values(self, tensor: TensorProto) -> memoryview:
        """Return the bytes of a tensor's values.

        Raises
        ------
        ParseError
            Where they are not within a file in the model's folder.
        """
        where = f"{self._path}, tensor {tensor.name!r}"
        said = {each.key: each.value for each in tensor.external_data}
        location = said.get("location", "")
        try:
            file = (self._folder / location).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # the last one for links that lead in a circle
            raise ParseError(f"{location!r} cannot be the name of a file: {error}", where=where) from None
        if not location or not file.is_relative_to(self._folder):
            raise ParseError(f"its values are to be read from {location!r}, outside of the model's folder", where=where)
        if not is_file(file):
            raise ParseError(f"the file of its values, {location!r}, is not there", where=where)
        if file not in self._mapped:
            self._mapped[file] = mapped(file, settings.MAX_ONNX_BYTES)
        content = self._mapped[file]
        first = _number(said.get("offset", "0"), where)
        end = first + _number(said["length"], where) if "length" in said else len(content)
        if max(first, end) > len(content):
            raise ParseError(f"its values are to end after the end of {location!r}", where=where)
        return content[first:end]


def _number(text: str, where: str) -> int:
    """Return the number of bytes that a text says."""
    if not (text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS):
        raise ParseError(f"{text[:_MOST_DIGITS]!r} is not a number of bytes", where=where)
    return int(text)
