"""Caffe's HDF5 weights (`net.caffemodel.h5`): group data / layer name / data sets 0, 1, ... of floats.

The layout is that of Caffe's Net::ToHDF5. A layer's name is the path of its group, so that `conv1/3x3` stands inside
`conv1`; an array that a layer shares is left out but for the first layer that has it.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from xdn import settings
from xdn.errors import MissingExtraError, ParseError
from xdn.files import checked_size
from xdn.frontend.caffe.weights.blobproto import Stored, StoredBlob
from xdn.graph import Array

MAGIC = b"\x89HDF\r\n\x1a\n"
_ROOT = b"data"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
#: What h5py makes of the errors of the HDF5 library.
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError)


_DAMAGED = "The file is damaged, or not written by Caffe's Net::ToHDF5"


@dataclass
class _Source:
    """The open file, and what it may still ask for.

    Parameters
    ----------
    h5py : module
    path : Path
    left_bytes : int
        How many more bytes of numbers are read: together no more than the file has, however often one array is linked.
    """

    h5py: Any
    path: Path
    left_bytes: int

    def error(self, what: str, place: str = "", mend: str = _DAMAGED) -> ParseError:
        return ParseError(what, where=f"{self.path}: {place}" if place else str(self.path), mend=mend)


def _kind(source: _Source, group: Any, name: bytes, place: str) -> tuple[int, int]:
    """Return what the link `name` of `group` leads to, and its address: of this file, by a hard link.

    A soft link may lead through an external one, which opens another file: neither is followed.
    """
    if not name or b"/" in name or name == b".":  # HDF5 would take it for a path
        raise source.error(f"a link has the name {name!r}", place)
    if group.links.get_info(name).type != source.h5py.h5l.TYPE_HARD:
        raise source.error("a soft or external link stands where an object of this file is expected", place)
    found = source.h5py.h5o.get_info(group, name)
    return found.type, found.addr


def _check_storage(source: _Source, dataset: Any, place: str) -> None:
    """Raise ParseError where the numbers lie in other files, or are not stored as they are: one run of bytes."""
    h5d = source.h5py.h5d
    created = dataset.get_create_plist()
    if created.get_layout() not in (h5d.CONTIGUOUS, h5d.COMPACT) or created.get_external_count():
        mend = "Save them with Caffe, or: h5repack -f NONE -l CONTI"
        raise source.error("the numbers are chunked, compressed, virtual or in another file", place, mend)


def _dtype(source: _Source, dataset: Any, place: str) -> np.dtype:
    """Return the machine's own type for the data set's f32 or f64; raise ParseError for every other type."""
    h5t, found = source.h5py.h5t, dataset.get_type()
    for dtype, stored in (("f4", (h5t.IEEE_F32LE, h5t.IEEE_F32BE)), ("f8", (h5t.IEEE_F64LE, h5t.IEEE_F64BE))):
        if any(found.equal(each) for each in stored):
            return np.dtype(dtype)
    raise source.error("the numbers are neither f32 nor f64", place)


def _read_dataset(source: _Source, dataset: Any, place: str) -> Array:
    """Return a data set as f32, in memory of its own."""
    _check_storage(source, dataset, place)
    dtype, shape = _dtype(source, dataset, place), dataset.shape
    if shape is None or len(shape) > settings.MAX_BLOB_AXES:
        raise source.error(f"the data set has the shape {shape}", place)
    size_bytes = prod(shape) * dtype.itemsize
    if size_bytes != dataset.get_storage_size():
        raise source.error(f"a data set of {size_bytes} bytes, of which {dataset.get_storage_size()} are stored", place)
    source.left_bytes -= size_bytes
    if source.left_bytes < 0:
        raise source.error("the data sets have more bytes than the file: some overlap", place)
    read = np.empty(shape, dtype)
    dataset.read(source.h5py.h5s.ALL, source.h5py.h5s.ALL, read)
    with np.errstate(over="ignore"):  # a double beyond f32 becomes infinity, as in Caffe
        return read.astype(np.float32, copy=False)


def _index(source: _Source, name: str, place: str) -> int:
    """Return the number of the array that a data set's name says."""
    if not _INDEX.fullmatch(name):
        raise source.error("a data set's name is not a number", place)
    if int(name) >= settings.MAX_LAYER_BLOBS:
        raise source.error(f"a layer has more than {settings.MAX_LAYER_BLOBS} blobs", place)
    return int(name)


def _groups(source: _Source, file: Any) -> Iterator[tuple[str, Any, list[str]]]:
    """Yield (layer name, its group, names of its data sets) of every group within `data`, each once."""
    h5g, h5o = source.h5py.h5g, source.h5py.h5o
    root = _ROOT.decode()
    if not file.links.exists(_ROOT) or _kind(source, file, _ROOT, root)[0] != h5o.TYPE_GROUP:
        raise source.error("there is no group 'data'")
    waiting: list[tuple[str, Any]] = [("", h5g.open(file, _ROOT))]
    seen = {h5o.get_info(waiting[0][1]).addr}
    while waiting:
        layer, group = waiting.pop()
        datasets = []
        for name in group:
            path = f"{layer}/{name.decode()}".lstrip("/")
            place = f"{root}/{path}"
            kind, address = _kind(source, group, name, place)
            if kind == h5o.TYPE_DATASET:
                datasets.append(name.decode())
                continue
            if kind != h5o.TYPE_GROUP or address in seen:
                raise source.error("this is neither a data set nor a group of its own", place)
            if path.count("/") >= settings.MAX_GROUP_DEPTH or len(seen) > settings.MAX_LAYERS:
                most = f"more than {settings.MAX_LAYERS} groups, or nested more than {settings.MAX_GROUP_DEPTH} deep"
                raise source.error(most, place)
            seen.add(address)
            waiting.append((path, h5g.open(group, name)))
        yield layer, group, datasets


def _layers(source: _Source, file: Any, wanted: Container[str] | None) -> Stored:
    found: dict[str, tuple[StoredBlob | None, ...]] = {}
    for layer, group, names in _groups(source, file):
        if not names:
            continue
        place = f"{_ROOT.decode()}/{layer}".rstrip("/")
        indices = {_index(source, name, f"{place}/{name}"): name for name in names}
        blobs: list[StoredBlob | None] = []
        if wanted is None or layer in wanted:
            blobs = [None] * (max(indices) + 1)
            for index, name in indices.items():
                dataset = source.h5py.h5d.open(group, name.encode())
                array = _read_dataset(source, dataset, f"{place}/{name}")
                blobs[index] = StoredBlob(array.shape, array)
        found[layer] = tuple(blobs)
    return found


def read_hdf5(path: Path, wanted: Container[str] | None = None) -> Stored:
    """Return layer name -> its blobs in the HDF5 file `path`; None for an array that is left out.

    Only what the file itself holds is read: f32 and f64 stored in one piece, reached by hard links, together no
    more bytes than the file has. The HDF5 library itself is trusted to bear a damaged file.

    Parameters
    ----------
    path : Path
    wanted : container of str, optional
        Only these layers' blobs are read; others are named, without blobs.

    Raises
    ------
    ParseError
        Naming the file and the place in it, where it is damaged, of another layout, or leads out of itself.
    MissingExtraError
        Without h5py.
    """
    try:
        import h5py
    except ImportError:
        what = "weights in the HDF5 format are read by h5py, which is not installed"
        raise MissingExtraError(what, mend="Run: pip install 'xdn[hdf5]'") from None
    source = _Source(h5py, path, checked_size(path, settings.MAX_CAFFEMODEL_BYTES))
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            return _layers(source, file.id, wanted)
    except _DAMAGE as error:
        said = str(error).strip("'\"")  # a KeyError's are quoted
        raise source.error(f"the HDF5 library cannot read this: {said}") from None
