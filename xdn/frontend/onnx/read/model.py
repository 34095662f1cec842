"""An ONNX file, as it stands: bounded in size, with external data from beside it, of an operator set that is known."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, external_data_helper

from xdn import settings
from xdn.errors import ParseError, UnsupportedError, placed
from xdn.files import about, checked_size, read_bounded

#: The operator sets that are read: from the first in which elementwise operators broadcast as NumPy does.
_OLDEST = 7
#: The names of ONNX's own operators.
DEFAULT_DOMAINS = ("", "ai.onnx")


def read_model(path: Path) -> onnx.ModelProto:
    """Return the model in the file `path`, with the values of tensors that lie in files beside it.

    Raises
    ------
    ParseError
        Where it is no ONNX model, is too large, or names external data outside of its folder or that is not there.
    UnsupportedError
        For an operator set that is too old, or newer than the package `onnx` that is installed.
    """
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(read_bounded(path, settings.MAX_ONNX_BYTES))
    except DecodeError as error:
        raise ParseError("the file is no ONNX model, or a damaged one", where=str(path)) from error
    if not model.graph.node:
        raise ParseError("the file is no ONNX model: it has no nodes", where=str(path))
    with placed(str(path), UnsupportedError):
        opset_of(model)
    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            _load_external(tensor, path)
    return model


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operator set; UnsupportedError for one that is not read."""
    version = max((each.version for each in model.opset_import if each.domain in DEFAULT_DOMAINS), default=0)
    newest = onnx.defs.onnx_opset_version()
    if not _OLDEST <= version <= newest:
        old = version < _OLDEST
        mend = "Export it anew, or convert it (onnx.version_converter)" if old else "Update the package onnx"
        raise UnsupportedError(f"the model is of operator set {version}; {_OLDEST} to {newest} are read", mend=mend)
    return version


def _tensors(graph: onnx.GraphProto) -> list[TensorProto]:
    """Return the constants of a graph, those of its nodes' attributes included."""
    found = list(graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            found += [attribute.t] if attribute.HasField("t") else []
            found += attribute.tensors
    return found


def _load_external(tensor: TensorProto, path: Path) -> None:
    """Give a tensor its values from the file beside `path` that it names."""
    info = external_data_helper.ExternalDataInfo(tensor)
    folder, where = path.parent.resolve(), f"{path}, tensor {tensor.name!r}"
    file = (folder / info.location).resolve()
    if not info.location or not file.is_relative_to(folder):
        raise ParseError(
            f"its values are to be read from {info.location!r}, outside of the model's folder", where=where
        )
    if not file.is_file():
        raise ParseError(f"the file of its values, {info.location!r}, is not there", where=where)
    checked_size(file, settings.MAX_ONNX_BYTES)
    if (info.offset or 0) + (info.length or 0) > file.stat().st_size:
        raise ParseError(f"its values are to end after the end of {info.location!r}", where=where)
    with about(file):
        external_data_helper.load_external_data_for_tensor(tensor, str(folder))
    tensor.ClearField("data_location")
    tensor.ClearField("external_data")
