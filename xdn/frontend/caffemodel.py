"""caffemodel files: the weights of a net, by layer name, in both of Caffe's binary formats."""

import mmap
from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np

from xdn import settings
from xdn.errors import ParseError
from xdn.files import atomic_file, checked_size
from xdn.frontend import wire
from xdn.frontend.blobproto import StoredBlob, encode_blob_head, read_blob
from xdn.frontend.wire import Span
from xdn.graph.net import Net

_NET_NAME, _NET_LAYERS = 1, {100: (1, 7), 2: (4, 6)}  # field of the layer -> its fields (name, blobs)
_LAYER_NAME, _LAYER_TYPE, _LAYER_BLOBS, _NET_LAYER = 1, 2, 7, 100
_HDF5_MAGIC = b"\x89HDF\r\n"

Stored = Mapping[str, tuple[StoredBlob, ...]]


def _read_layer(layer: Span, name_field: int, blobs_field: int) -> tuple[str, list[Span]]:
    name, blobs = "", []
    for entry in wire.entries(layer):
        if entry.number == name_field:
            name = entry.message().text()
        elif entry.number == blobs_field:
            blobs.append(entry.message())
            if len(blobs) > settings.MAX_LAYER_BLOBS:
                raise layer.error(f"a layer has more than {settings.MAX_LAYER_BLOBS} blobs")
    return name, blobs


def decode(span: Span, wanted: Container[str] | None = None) -> Stored:
    """Return layer name -> its blobs of the NetParameter in `span`; of a name that stands twice, the last.

    Parameters
    ----------
    span : Span
    wanted : container of str, optional
        Only these layers' blobs are copied out.
    """
    found: dict[str, list[Span]] = {}
    for entry in wire.entries(span):
        if entry.number in _NET_LAYERS:
            name, blobs = _read_layer(entry.message(), *_NET_LAYERS[entry.number])
            if blobs:
                found[name] = blobs
            if len(found) > settings.MAX_LAYERS:
                raise span.error(f"the net has more than {settings.MAX_LAYERS} layers")
    return {
        name: tuple(read_blob(blob) for blob in blobs)
        for name, blobs in found.items()
        if wanted is None or name in wanted
    }


def read_caffemodel(path: Path, wanted: Container[str] | None = None) -> Stored:
    """Return layer name -> its blobs in the file `path`.

    The file is mapped into memory and every wanted blob is copied out once, so that nothing depends on the file
    afterwards.

    Parameters
    ----------
    path : Path
    wanted : container of str, optional
        Only these layers' blobs are copied out.

    Raises
    ------
    ParseError
        With the byte offset, where the file is damaged, cut short or of another format.
    """
    if checked_size(path, settings.MAX_CAFFEMODEL_BYTES) == 0:
        return {}
    with path.open("rb") as file:
        # Not closed by hand: after an error the traceback still holds views of it; the last view frees it.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if mapped[: len(_HDF5_MAGIC)] == _HDF5_MAGIC:
        mend = "Load it in Caffe and save it as a binary caffemodel"
        raise ParseError("these weights are in the HDF5 format, which is not read", where=str(path), mend=mend)
    return decode(Span(memoryview(mapped), 0, len(mapped), str(path)), wanted)


def _encode_layer_head(name: str, kind: str, blobs_bytes: int) -> bytes:
    fields = wire.encode_bytes(_LAYER_NAME, name.encode()) + wire.encode_bytes(_LAYER_TYPE, kind.encode())
    return wire.encode_head(_NET_LAYER, len(fields) + blobs_bytes) + fields


def write_caffemodel(path: Path, net: Net) -> None:
    """Write name, type and weights of the layers of `net` to `path`, whole or not at all.

    The arrays go to the file as they lie in memory; no second copy of the weights is made.
    """
    with atomic_file(path) as file:
        file.write(wire.encode_bytes(_NET_NAME, net.name.encode()))
        for layer in net.layers:
            if not layer.weights:
                continue
            blobs = []
            for array in layer.weights.values():
                head, length = encode_blob_head(array.shape)
                blobs.append((wire.encode_head(_LAYER_BLOBS, length) + head, array))
            blobs_bytes = sum(len(head) + 4 * array.size for head, array in blobs)
            file.write(_encode_layer_head(layer.name, layer.type, blobs_bytes))
            for head, array in blobs:
                file.write(head)
                file.write(np.ascontiguousarray(array, "<f4").data)
