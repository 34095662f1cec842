"""Machine code on disk, so that a second start compiles nothing.

Machine code on disk is trusted code: its folder and file must be ours alone. The checksum, over name and code, finds
damage and mix-ups, not malice.
"""

import hashlib
import logging
import os
import platform
import stat
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from xdn import settings
from xdn.codegen.compiler import ObjectCode
from xdn.codegen.target import cpu_features, cpu_name, host_target
from xdn.errors import SettingError
from xdn.files import atomic_file

log = logging.getLogger(__name__)

_MAGIC = b"XDNKERN2"
_DIGEST_BYTES = 32
_WHY = "another owner, writable by others, or a link"
#: Opening does not follow a link, nor wait for a pipe's other end.
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
#: Layers give the formulas of their functions.
_SOURCES = ("codegen/**/*.py", "kernels/**/*.py", "layers/**/*.py", "element.py")


@cache
def generator_digest() -> str:
    """Return a digest of everything but the name that decides a kernel's code.

    That is the sources that generate it, the instruction set and with it the block of images, the processor,
    and the compilers' versions.
    """
    sha = hashlib.sha256()
    root = Path(__file__).parent.parent
    for pattern in _SOURCES:
        for path in sorted(root.glob(pattern)):
            sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    facts = (
        host_target().name,
        cpu_name(),
        sorted(cpu_features()),
        platform.machine(),
        platform.system(),
        platform.python_version(),
    )
    sha.update(repr((facts, version("numba"), version("llvmlite"))).encode())
    return sha.hexdigest()[:20]


class KernelCache:
    """Object code by kernel name in a folder, and in files, that only their owner can write.

    Parameters
    ----------
    root : Path, optional
        Default: ``kernels`` in the cache folder; below it one folder per `generator_digest`.
    """

    def __init__(self, root: Path | None = None):
        self.folder = (root or settings.cache_dir() / "kernels") / generator_digest()
        self.usable = self._prepare()

    def _prepare(self) -> bool:
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not _ours_alone(folder.lstat(), stat.S_ISDIR):
                    log.warning("kernel cache not used: %s is not ours alone (%s)", folder, _WHY)
                    return False
        except OSError as error:
            log.warning("kernel cache not used: %s", error)
            return False
        return True

    def load(self, name: str) -> ObjectCode | None:
        """Return the code of kernel `name`; None where there is none, or it is damaged, or not ours alone."""
        if not self.usable:
            return None
        path = self.folder / f"{name}.o"
        try:
            # Opened first and looked at then: what was looked at is what is read.
            with os.fdopen(os.open(path, os.O_RDONLY | _NO_LINKS), "rb") as file:
                found = os.fstat(file.fileno())
                trusted = _ours_alone(found, stat.S_ISREG)
                raw = file.read(settings.MAX_KERNEL_BYTES + 1) if trusted else b""
        except FileNotFoundError:
            return None
        except OSError:  # a link, a folder
            trusted = False
        if not trusted:
            log.warning("kernel %s is compiled again: %s is not ours alone (%s)", name, path, _WHY)
            return None
        head = len(_MAGIC) + _DIGEST_BYTES
        digest, body = raw[len(_MAGIC) : head], raw[head:]
        if not raw.startswith(_MAGIC) or self._digest(name, body) != digest:
            log.warning("damaged kernel cache entry %s; it is compiled again", name)
            return None
        symbol, _, code = body.partition(b"\0")
        return ObjectCode(symbol.decode(), code)

    def store(self, name: str, code: ObjectCode) -> None:
        """Write the code of kernel `name`; several processes may do so at once."""
        if not self.usable:
            return
        body = code.symbol.encode() + b"\0" + code.code
        try:
            with atomic_file(self.folder / f"{name}.o") as file:
                if os.name == "posix":
                    os.fchmod(file.fileno(), 0o600)
                file.write(_MAGIC + self._digest(name, body) + body)
        except (OSError, SettingError) as error:
            log.warning("kernel %s is not kept: %s", name, error)

    def _digest(self, name: str, body: bytes) -> bytes:
        """Return the checksum of an entry: one that was moved to another name, or another folder, is damaged."""
        return hashlib.sha256(b"\0".join([self.folder.name.encode(), name.encode(), body])).digest()


def _ours_alone(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Return whether a folder or file is of that kind, ours, and writable by nobody else."""
    if os.name != "posix":
        return is_kind(found.st_mode)
    return is_kind(found.st_mode) and found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o022
