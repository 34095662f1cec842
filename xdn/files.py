"""Write files so that no half-written one is ever seen under its name; read files of a bounded size.

A file that is being written lies beside its place, hidden and locked; the system drops the lock with the process,
however that ends. An unfinished file that nobody holds is removed by the next process that writes into the folder.
"""

import errno
import json
import os
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from xdn.errors import ParseError, SettingError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_UNFINISHED = ".xdn.part"
#: After how many seconds an unfinished file belongs to nobody, where the system has no locks that tell.
_OLD_S = 24 * 3600.0
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_numbers = count()
#: Unfinished files of this process, which an interrupt must not leave.
_begun: set[Path] = set()


def remove_unfinished() -> None:
    """Remove what `atomic_file` has begun and not finished: for a process that is about to end."""
    for part in tuple(_begun):
        part.unlink(missing_ok=True)


@contextmanager
def about(path: Path, numbers: Container[int | None] | None = None) -> Iterator[None]:
    """Let an OSError that names no file, such as that of a full disk, name `path`; only those of `numbers`, if any."""
    try:
        yield
    except OSError as error:
        if error.filename is None and (numbers is None or error.errno in numbers):
            error.filename = str(path)
        raise


@contextmanager
def atomic_file(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing beside `path` and move it there when the block ends without an error.

    An error or an interrupt leaves what was at `path` untouched and removes the unfinished file. A device or a pipe
    cannot be replaced: it is written straight through.

    Parameters
    ----------
    path : Path
    durable : bool
        Let the disk have the content before the file is moved, so that a machine that stops leaves the old file or the
        new one whole: for what later work builds on, and nobody makes again in seconds.

    Raises
    ------
    SettingError
        When `path` is a folder.
    OSError
        Naming `path`, where the system cannot write it.
    """
    if path.is_dir():
        raise SettingError("this is a folder", where=str(path), mend="Name a file to write")
    # A disk that is full names no file.
    with about(path, _NO_ROOM):
        if path.exists() and not path.is_file():
            with path.open("wb") as device:
                yield device
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path.parent)
        part, file = _unfinished(path)
        try:
            with file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                if fcntl is not None:  # under the lock: between closing and moving the file would be nobody's
                    part.replace(path)
            if fcntl is None:
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)
            _begun.discard(part)


def _unfinished(path: Path) -> tuple[Path, BinaryIO]:
    """Return the place of a new file beside `path`, and the file, which nobody else takes for abandoned."""
    while True:
        part = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}{_UNFINISHED}")
        # Before it is there: an interrupt may come between any two steps.
        _begun.add(part)
        try:
            file = part.open("xb")
        except FileExistsError:  # of a process that had this number before, and is not removable
            _begun.discard(part)
            continue
        if fcntl is not None:
            # Some folders of other machines have no locks; there nobody removes anything.
            with suppress(OSError):
                _lock(file, wait=True)
        # Somebody may have taken it for abandoned before it was locked.
        if _is_at(file, part):
            return part, file
        file.close()


def _remove_abandoned(folder: Path) -> None:
    """Remove the unfinished files of processes that were killed; those of others are left alone."""
    for part in folder.glob(f".*{_UNFINISHED}"):
        with suppress(OSError):
            if fcntl is None:
                if part.stat().st_mtime < time.time() - _OLD_S:
                    part.unlink()
                continue
            with part.open("r+b") as file:
                if _lock(file, wait=False) and _is_at(file, part):
                    part.unlink()


def _lock(file: BinaryIO, wait: bool) -> bool:
    """Take the lock of a file, which its closing gives back; return whether it could be taken."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Return whether an open file still lies at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_atomically(path: Path, content: bytes, durable: bool = False) -> None:
    """Write `content` to `path`, whole or not at all; see `atomic_file`."""
    with atomic_file(path, durable) as file:
        file.write(content)


#: As `pathlib` has them, but false where the system refuses the name, such as a too long one, too.
exists, is_folder, is_file = os.path.exists, os.path.isdir, os.path.isfile


def check_folder(path: Path) -> None:
    """Raise SettingError where nothing can be written into the folder `path`, which need not be there yet."""
    nearest = next(each for each in (path, *path.parents) if exists(each))
    if not is_folder(nearest):
        raise SettingError("this is a file", where=str(nearest), mend="Name a folder to write into")
    if not os.access(nearest, os.W_OK):
        raise SettingError("this folder cannot be written", where=str(nearest), mend="Name another one")


def checked_size(path: Path, limit_bytes: int) -> int:
    """Return the size of the regular file `path` in bytes.

    Raises
    ------
    ParseError
        When there is no such regular file (a device or pipe has no end), or it is larger than `limit_bytes`.
    """
    if not exists(path):
        raise ParseError("no such file", where=str(path))
    if not path.is_file():
        raise ParseError("this is not a regular file", where=str(path))
    size = path.stat().st_size
    if size > limit_bytes:
        raise ParseError(f"the file has {size} bytes; at most {limit_bytes} are read", where=str(path))
    return size


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """Return the content of the regular file `path`; raise ParseError as `checked_size` does."""
    size = checked_size(path, limit_bytes)
    try:
        with path.open("rb") as file:
            # One byte more than there was, so that a file that grew meanwhile is noticed; as much is allocated.
            content = file.read(size + 1)
    except OSError as error:
        raise ParseError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
    if len(content) > size:
        raise ParseError(f"the file has more than the {size} bytes that it had just now", where=str(path))
    return content


def read_json(path: Path, limit_bytes: int) -> Any:
    """Return what the JSON file `path` holds; raise ParseError where it is not JSON, or as `checked_size` does."""
    try:
        return json.loads(read_bounded(path, limit_bytes))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"this is not JSON: {error}", where=str(path)) from error


def write_json(path: Path, document: Any, durable: bool = False) -> None:
    """Write a JSON file, whole or not at all; see `atomic_file`."""
    write_atomically(path, json.dumps(document, indent=2).encode() + b"\n", durable)
