"""caffemodel files: the weights of a net, by layer name, in all of Caffe's formats."""

import mmap
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xdn import settings
from xdn.element import F32, S8
from xdn.files import about, atomic_file, checked_size
from xdn.frontend import wire
from xdn.frontend.caffe.weights.blobproto import Stored, encode_blob_head, read_blob
from xdn.frontend.caffe.weights.hdf5 import MAGIC, read_hdf5
from xdn.frontend.caffe.weights.integers import stored_weights
from xdn.frontend.caffe.weights.packed import packed
from xdn.frontend.wire import Span
from xdn.graph import Net
from xdn.graph.quantized import BITS

_NET_NAME, _LAYER_NAME, _LAYER_TYPE, _LAYER_BLOBS, _NET_LAYER = 1, 1, 2, 7, 100


@dataclass(frozen=True)
class _LayerFields:
    """Numbers of the fields of a layer's message in one of the formats (caffe.proto).

    Parameters
    ----------
    name, blobs : int
    inner : int
        V0: the field of a V1LayerParameter whose V0LayerParameter holds name and blobs; 0 where there is none.
    """

    name: int
    blobs: int
    inner: int = 0


_V0_FIELDS = _LayerFields(1, 50)
#: Field of the NetParameter that holds the layers -> their fields: the current format, and V1 with V0 inside.
_NET_LAYERS = {_NET_LAYER: _LayerFields(_LAYER_NAME, _LAYER_BLOBS), 2: _LayerFields(4, 6, inner=1)}


def _read_layer(layer: Span, fields: _LayerFields) -> tuple[str, list[Span]]:
    """Return a layer's name and its blobs; where V0 stands inside V1, those of V0 (Caffe's upgrade_proto.cpp)."""
    name, blobs, inner = "", [], None
    for entry in wire.entries(layer):
        if entry.number == fields.name:
            name = entry.message().text()
        elif entry.number == fields.blobs:
            blobs.append(entry.message())
            if len(blobs) > settings.MAX_LAYER_BLOBS:
                raise layer.error(f"a layer has more than {settings.MAX_LAYER_BLOBS} blobs")
        elif entry.number == fields.inner:
            inner = entry.message()
    return (name, blobs) if inner is None else _read_layer(inner, _V0_FIELDS)


def decode(span: Span, wanted: Container[str] | None = None) -> Stored:
    """Return layer name -> its blobs of the NetParameter in `span`; of a name that stands twice, the last.

    Parameters
    ----------
    span : Span
    wanted : container of str, optional
        Only these layers' blobs are copied out; others are named, without blobs.
    """
    found: dict[str, list[Span]] = {}
    for entry in wire.entries(span):
        if entry.number in _NET_LAYERS:
            name, blobs = _read_layer(entry.message(), _NET_LAYERS[entry.number])
            if blobs:
                found[name] = blobs
            if len(found) > settings.MAX_LAYERS:
                raise span.error(f"the net has more than {settings.MAX_LAYERS} layers")
    return {
        name: tuple(read_blob(blob) for blob in blobs) if wanted is None or name in wanted else ()
        for name, blobs in found.items()
    }


def read_caffemodel(path: Path, wanted: Container[str] | None = None) -> Stored:
    """Return layer name -> its blobs in the file `path`.

    The file is mapped into memory and every wanted blob is copied out once, so that nothing depends on the file
    afterwards.

    Parameters
    ----------
    path : Path
    wanted : container of str, optional
        Only these layers' blobs are copied out; others are named, without blobs.

    Raises
    ------
    ParseError
        With the byte offset, where the file is damaged, cut short or of another format.
    MissingExtraError
        For Caffe's HDF5 format, where h5py is missing.
    """
    if checked_size(path, settings.MAX_CAFFEMODEL_BYTES) == 0:
        return {}
    with about(path), path.open("rb") as file:
        # Not closed by hand: after an error the traceback still holds views of it; the last view frees it.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if mapped[: len(MAGIC)] == MAGIC:
        return read_hdf5(path, wanted)
    return decode(Span(memoryview(mapped), 0, len(mapped), str(path)), wanted)


def write_caffemodel(path: Path, net: Net) -> None:
    """Write name, type and weights of the layers of `net` to `path`, whole or not at all.

    The arrays go to the file as they lie in memory; no second copy of the weights is made. Weights that are integers
    times the scales of their filters take one byte each, or as many bits as their layer says; weights of a codebook,
    where their layer says it, a byte a block.
    """
    with atomic_file(path) as file:
        file.write(wire.encode_bytes(_NET_NAME, net.name.encode()))
        for layer in net.layers:
            if not layer.weights:
                continue
            blobs = []
            for stored in stored_weights(layer):
                array, bits = stored.array, stored.bits
                element = S8 if array.dtype == np.int8 else F32
                head, length = encode_blob_head(
                    array.shape, element=element, scales=stored.scales, bits=bits, codebook=stored.codebook
                )
                data = array if bits == BITS else packed(array, bits)
                data = data if stored.codebook is None else stored.codebook.codes
                blobs.append((wire.encode_head(_LAYER_BLOBS, length) + head, data))
            blobs_bytes = sum(len(head) + array.nbytes for head, array in blobs)
            said = ((_LAYER_NAME, layer.name), (_LAYER_TYPE, layer.type))
            fields = b"".join(wire.encode_bytes(number, text.encode()) for number, text in said)
            file.write(wire.encode_head(_NET_LAYER, len(fields) + blobs_bytes) + fields)
            for head, array in blobs:
                file.write(head)
                file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
