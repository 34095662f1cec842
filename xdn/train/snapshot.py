"""Snapshots: all that a training needs to go on as if it had not stopped."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from xdn import settings
from xdn.errors import ParseError
from xdn.files import checked_size, write_atomically

FORMAT = "xdn training snapshot 1"
State = dict[str, Any]


def write_snapshot(path: Path, state: State) -> None:
    """Write `state` (numbers, texts, tensors, and lists and dicts of them) to `path`, whole or not at all."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | state, buffer)
    write_atomically(path, buffer.getvalue())


def read_snapshot(path: Path) -> State:
    """Return what `write_snapshot` wrote. No code that the file may hold is run, and its size is bounded.

    Raises
    ------
    ParseError
        For a file that is no snapshot, a damaged one, and one too large.
    """
    checked_size(path, settings.MAX_SNAPSHOT_BYTES)
    try:
        # Entries that are packed could unpack to any size; PyTorch packs none.
        with zipfile.ZipFile(path) as archive:
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
            total = sum(entry.file_size for entry in archive.infolist())
        if not stored or total > settings.MAX_SNAPSHOT_BYTES:
            raise ParseError("this is no snapshot of a training: its entries are packed", where=str(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        zipfile.BadZipFile,
        pickle.UnpicklingError,
        RuntimeError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
        AssertionError,
        NotImplementedError,
        RecursionError,
    ) as error:
        what = f"this is no snapshot of a training ({type(error).__name__})"
        raise ParseError(what, where=str(path), mend="Begin anew with --restart") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ParseError(f"this is no {FORMAT!r}", where=str(path), mend="Begin anew with --restart")
    return state
