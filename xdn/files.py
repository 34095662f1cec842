"""Write files so that no half-written one is ever seen under its name; read files of a bounded size."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xdn.errors import ParseError, SettingError


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing beside `path` and move it there when the block ends without an error.

    An error or an interrupt leaves what was at `path` untouched and removes the unfinished file. A device or a pipe
    cannot be replaced: it is written straight through.

    Raises
    ------
    SettingError
        When `path` is a folder.
    """
    if path.is_dir():
        raise SettingError("this is a folder", where=str(path), mend="Name a file to write")
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with atomic_file(path) as file:
        file.write(content)


def exists(path: Path) -> bool:
    """Return whether something is at `path`; nothing is where the system refuses the name, such as a too long one."""
    try:
        return os.access(path, os.F_OK)
    except ValueError:  # a zero byte
        return False


def is_file(path: Path) -> bool:
    """Return whether a regular file is at `path`; none is where the system refuses the name."""
    return exists(path) and path.is_file()


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
        raise ParseError("this is no regular file", where=str(path))
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
