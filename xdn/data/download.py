"""Fetch an archive: resumed where it broke off, checked, and only the expected files taken out of it."""

import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path

from xdn import settings
from xdn.data.dataset import Progress
from xdn.errors import DataError
from xdn.files import about, write_atomically

_CHUNK_BYTES = 1 << 16
_RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class Archive:
    """A tar archive on the web.

    Parameters
    ----------
    url : str
        Its address.
    md5 : str
        Its published checksum, hexadecimal.
    members : tuple of str
        Paths of the files in it that are wanted; nothing else is taken out.
    """

    url: str
    md5: str
    members: tuple[str, ...]


def download(
    archive: Archive,
    folder: Path,
    progress: Progress | None = None,
    timeout_s: float = settings.CONNECT_TIMEOUT_S,
) -> None:
    """Fetch the archive and put its members into `folder`.

    What arrived stays in a hidden file when the connection breaks, and the next call goes on from there. While a
    connection brings anything, it is renewed without being asked.

    Raises
    ------
    DataError
        When the address does not answer within `timeout_s`, sends too much, or something else than the archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{archive.url.rpartition('/')[2]}.part"
    _receive(archive.url, part, progress, timeout_s)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != archive.md5:
        part.unlink()
        what = f"what arrived has the md5 {found}; the published one is {archive.md5}"
        raise DataError(what, where=archive.url, mend="It was thrown away; try again")
    try:
        _extract(part, archive, folder)
    finally:
        part.unlink()


def _receive(url: str, part: Path, progress: Progress | None, timeout_s: float) -> None:
    """Fill `part` until the file at `url` is complete."""
    while True:
        have = part.stat().st_size if part.exists() else 0
        try:
            return _request(url, part, have, progress, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == _RANGE_NOT_SATISFIABLE and have:
                return None  # Nothing lies beyond what is here; the md5 tells whether it is the archive.
            if part.exists() and part.stat().st_size > have:
                continue
            reason = getattr(error, "reason", None) or error
            raise DataError(
                f"the download broke off after {have} bytes: {reason}",
                where=url,
                mend="Run it again, it goes on from there; or fetch the data yourself and say --data DIR",
            ) from None


def _request(url: str, part: Path, have: int, progress: Progress | None, timeout_s: float) -> None:
    """Ask for what comes after the first `have` bytes and append it, or start anew where the server cannot resume."""
    headers = {"User-Agent": "xdn"} | ({"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout_s) as response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        done = have if resumed else 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else 0
        with about(part), part.open("ab" if resumed else "wb") as file:
            while max(done, total) <= settings.MAX_DOWNLOAD_BYTES and (chunk := response.read(_CHUNK_BYTES)):
                file.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
    if max(done, total) > settings.MAX_DOWNLOAD_BYTES:
        part.unlink()
        raise DataError(f"the server sends more than {settings.MAX_DOWNLOAD_BYTES} bytes", where=url)
    if done < total:
        raise ConnectionError(f"{done} of {total} bytes came")


def _extract(path: Path, archive: Archive, folder: Path) -> None:
    """Write the wanted members into `folder`, each whole or not at all; every other name is passed over."""
    missing = set(archive.members)
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                if member.name not in missing or not member.isreg():
                    continue
                if member.size > settings.MAX_PICKLE_BYTES:
                    raise DataError(f"{member.name} has {member.size} bytes", where=archive.url)
                content = tar.extractfile(member)
                assert content is not None  # it is a regular file
                write_atomically(folder / member.name, content.read())
                missing.discard(member.name)
                if not missing:
                    return
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"the archive cannot be read: {error}", where=archive.url) from None
    raise DataError(f"the archive lacks {', '.join(sorted(missing))}", where=archive.url)
