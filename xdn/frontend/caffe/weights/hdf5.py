"""Caffe's HDF5 weights (`net.caffemodel.h5`): group data / layer name / data sets 0, 1, ... of floats.

The layout is that of Caffe's Net::ToHDF5. A layer's name is the path of its group, so that `conv1/3x3` stands inside
`conv1`; an array that a layer shares is left out but for the first layer that has it.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from xdn import settings
from xdn.errors import MissingExtraError, ParseError
from xdn.files import checked_size
from xdn.frontend.caffe.weights.blobproto import Stored, StoredBlob

MAGIC = b"\x89HDF\r\n\x1a\n"
_ROOT = b"data"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
#: What h5py makes of the errors of the HDF5 library.
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError)
_DAMAGED = "The file is damaged, or not written by Caffe's Net::ToHDF5"


@dataclass
class _Reader:
    """The open file, and what was found in it.

    Parameters
    ----------
    h5py : module
    path : Path
    wanted : container of str, optional
        The layers whose arrays are read; None for all.
    left_bytes : int
        How many more bytes of numbers are read: together no more than the file has, however often one array is linked.
    found : mapping
        Layer name -> its blobs.
    seen : set
        The places of the groups in the file, as HDF5 tells them.
    """

    h5py: Any
    path: Path
    wanted: Container[str] | None
    left_bytes: int
    found: dict[str, tuple[StoredBlob | None, ...]] = field(default_factory=dict)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def error(self, what: str, place: str = "", mend: str = _DAMAGED) -> ParseError:
        return ParseError(what, where=f"{self.path}: {place}" if place else str(self.path), mend=mend)

    def read(self, file: Any) -> Stored:
        """Return all layers of the open file."""
        if not file.links.exists(_ROOT) or self._kind(file, _ROOT, "data")[0] != self.h5py.h5g.GROUP:
            raise self.error("there is no group 'data'")
        self._enter(self.h5py.h5g.open(file, _ROOT), "")
        return self.found

    def _enter(self, group: Any, layer: str) -> None:
        """Find the arrays in `group`, which are those of `layer`, and the layers in the groups in it."""
        h5g = self.h5py.h5g
        self.seen.add(h5g.get_objinfo(group).objno)
        arrays: dict[int, tuple[bytes, str]] = {}
        for name in group:
            path = f"{layer}/{name.decode()}".lstrip("/")
            place = f"data/{path}"
            kind, own = self._kind(group, name, place)
            if kind == h5g.DATASET:
                arrays[self._index(name.decode(), place)] = name, place
                continue
            if kind != h5g.GROUP or own in self.seen:
                raise self.error("this is neither a data set nor a group of its own", place)
            if path.count("/") >= settings.MAX_GROUP_DEPTH or len(self.seen) > settings.MAX_LAYERS:
                most = f"more than {settings.MAX_LAYERS} groups, or nested more than {settings.MAX_GROUP_DEPTH} deep"
                raise self.error(most, place)
            self._enter(h5g.open(group, name), path)
        if arrays:
            blobs: list[StoredBlob | None] = [None] * (max(arrays) + 1)
            read = self.wanted is None or layer in self.wanted
            for index, (name, place) in arrays.items() if read else ():
                blobs[index] = self._blob(self.h5py.h5d.open(group, name), place)
            self.found[layer] = tuple(blobs) if read else ()

    def _kind(self, group: Any, name: bytes, place: str) -> tuple[int, tuple[int, int]]:
        """Return what the link `name` of `group` leads to, and where that is: in this file, by a hard link.

        A soft link may lead through an external one, which opens another file: neither is followed. H5Oget_info is not
        asked, which walks from node to node of a group's tree without end where a hostile file makes them a ring.
        """
        if not name or b"/" in name or name == b".":  # HDF5 would take it for a path
            raise self.error(f"a link has the name {name!r}", place)
        if group.links.get_info(name).type != self.h5py.h5l.TYPE_HARD:
            raise self.error("a soft or external link stands where an object of this file is expected", place)
        found = self.h5py.h5g.get_objinfo(group, name, follow_link=False)
        return found.type, found.objno

    def _index(self, name: str, place: str) -> int:
        """Return the number of the array that a data set's name says."""
        if not _INDEX.fullmatch(name):
            raise self.error("a data set's name is not a number", place)
        if int(name) >= settings.MAX_LAYER_BLOBS:
            raise self.error(f"a layer has more than {settings.MAX_LAYER_BLOBS} blobs", place)
        return int(name)

    def _dtype(self, dataset: Any, place: str) -> np.dtype:
        """Return the machine's own type for the data set's f32 or f64, which lie in this file in one run of bytes."""
        h5d, h5t = self.h5py.h5d, self.h5py.h5t
        created, found = dataset.get_create_plist(), dataset.get_type()
        if created.get_layout() not in (h5d.CONTIGUOUS, h5d.COMPACT) or created.get_external_count():
            mend = "Save them with Caffe, or: h5repack -f NONE -l CONTI"
            raise self.error("the numbers are chunked, compressed, virtual or in another file", place, mend)
        for dtype, stored in (("f4", (h5t.IEEE_F32LE, h5t.IEEE_F32BE)), ("f8", (h5t.IEEE_F64LE, h5t.IEEE_F64BE))):
            if any(found.equal(each) for each in stored):
                return np.dtype(dtype)
        raise self.error("the numbers are neither f32 nor f64", place)

    def _blob(self, dataset: Any, place: str) -> StoredBlob:
        """Return a data set as f32, in memory of its own."""
        dtype, shape, stored_bytes = self._dtype(dataset, place), dataset.shape, dataset.get_storage_size()
        if shape is None or len(shape) > settings.MAX_BLOB_AXES:
            raise self.error(f"the data set has the shape {shape}", place)
        size_bytes = prod(shape) * dtype.itemsize
        if size_bytes != stored_bytes:
            raise self.error(f"a data set of {size_bytes} bytes, of which {stored_bytes} are stored", place)
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise self.error("the data sets have more bytes than the file: some overlap", place)
        read = np.empty(shape, dtype)
        dataset.read(self.h5py.h5s.ALL, self.h5py.h5s.ALL, read)
        with np.errstate(over="ignore"):  # a double beyond f32 becomes infinity, as in Caffe
            return StoredBlob(shape, read.astype(np.float32, copy=False))


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
    reader = _Reader(h5py, path, wanted, checked_size(path, settings.MAX_CAFFEMODEL_BYTES))
    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            return reader.read(file.id)
    except _DAMAGE as error:
        said = str(error).strip("'\"")  # a KeyError's are quoted
        raise reader.error(f"the HDF5 library cannot read this: {said}") from None
