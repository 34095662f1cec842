"""Snapshots: all that a training needs to go on as if it had not stopped.

A snapshot is what PyTorch saves, followed by a line with the SHA-256 of all of it: a damaged weight is a weight like
any other, and nothing else would tell. Those of version 1 end without that line; of them the archive's own checksums,
which cover every tensor, are looked at.
"""

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from xdn import settings
from xdn.errors import DataError
from xdn.files import read_bounded, write_atomically

FORMAT, OLD_FORMAT = "xdn training snapshot 2", "xdn training snapshot 1"
_SEAL = b"\nxdn snapshot sha256 "
_SEAL_BYTES = len(_SEAL) + 2 * hashlib.sha256().digest_size
_MEND = "Begin anew with --restart"
#: What zipfile, pickle and PyTorch raise for bytes that they cannot read.
_DAMAGES: tuple[type[Exception], ...] = (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError)
_DAMAGES += (ValueError, LookupError, TypeError, AttributeError, OverflowError, AssertionError)
State = dict[str, Any]


def write_snapshot(path: Path, state: State) -> None:
    """Write `state` (numbers, texts, tensors, and lists and dicts of them) to `path`, whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | state, buffer)
    with buffer.getbuffer() as content:
        seal = _seal(content)
    buffer.seek(0, io.SEEK_END)
    buffer.write(seal)
    write_atomically(path, buffer.getvalue(), durable=True)


def _seal(content: bytes | memoryview) -> bytes:
    """Return the line that stands after the content of a snapshot."""
    return _SEAL + hashlib.sha256(content).hexdigest().encode()


def read_snapshot(path: Path) -> State:
    """Return what `write_snapshot` wrote. No code that the file may hold is run, and its size is bounded.

    Raises
    ------
    ParseError
        Where there is no such file, or it is too large.
    DataError
        For a file that is not a snapshot, and a damaged one.
    """
    raw = read_bounded(path, settings.MAX_SNAPSHOT_BYTES)
    seal = raw[-_SEAL_BYTES:]
    sealed = seal.startswith(_SEAL)
    if sealed and seal != _seal(memoryview(raw)[:-_SEAL_BYTES]):
        raise DataError("the snapshot is damaged (checksum)", where=str(path), mend=_MEND)
    try:
        _check_archive(raw, path, checksums=not sealed)
        state = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except _DAMAGES as error:
        what = f"this is not a snapshot of a training ({type(error).__name__})"
        raise DataError(what, where=str(path), mend=_MEND) from None
    if not isinstance(state, dict) or state.get("format") not in (FORMAT, OLD_FORMAT):
        raise DataError(f"this is not {FORMAT!r}", where=str(path), mend=_MEND)
    if state["format"] != (FORMAT if sealed else OLD_FORMAT):
        raise DataError("the snapshot is damaged: it lacks its checksum", where=str(path), mend=_MEND)
    return state


def _check_archive(raw: bytes, path: Path, checksums: bool) -> None:
    """Raise DataError for entries that could unpack to any size, which PyTorch's do not, or that are damaged."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = archive.infolist()
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > settings.MAX_SNAPSHOT_BYTES:
            raise DataError("this is not a snapshot of a training: its entries are packed", where=str(path), mend=_MEND)
        if checksums and (name := archive.testzip()) is not None:
            raise DataError(f"the snapshot is damaged in {name!r}", where=str(path), mend=_MEND)
