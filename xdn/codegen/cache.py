"""Machine code on disk, so that a second start compiles nothing.

Machine code on disk is trusted code: its folder must be ours alone. The checksum finds damage, not malice.
"""

import hashlib
import logging
import os
import platform
import stat
from functools import cache
from importlib.metadata import version
from pathlib import Path

from xdn import settings
from xdn.codegen.compiler import ObjectCode
from xdn.codegen.isa import cpu_features, cpu_name, host_isa
from xdn.errors import SettingError
from xdn.files import write_atomically

log = logging.getLogger(__name__)

_MAGIC = b"XDNKERN1"
_DIGEST_BYTES = 32
_SOURCES = ("codegen", "kernels")


@cache
def generator_digest() -> str:
    """Return a digest of everything but the name that decides a kernel's code.

    That is the sources of `codegen` and `kernels`, the instruction set and with it the block of images, the processor,
    and the compilers' versions.
    """
    sha = hashlib.sha256()
    root = Path(__file__).parent.parent
    for package in _SOURCES:
        for path in sorted((root / package).rglob("*.py")):
            sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    facts = (
        host_isa().name,
        cpu_name(),
        sorted(cpu_features()),
        platform.machine(),
        platform.system(),
        platform.python_version(),
    )
    sha.update(repr((facts, version("numba"), version("llvmlite"))).encode())
    return sha.hexdigest()[:20]


class KernelCache:
    """Object code by kernel name in a folder that only its owner can write.

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
                found = folder.stat()
                if os.name == "posix" and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022):
                    log.warning("kernel cache not used: %s is not ours alone (owner, or writable by others)", folder)
                    return False
        except OSError as error:
            log.warning("kernel cache not used: %s", error)
            return False
        return True

    def load(self, name: str) -> ObjectCode | None:
        """Return the code of kernel `name`, None where there is none or it is damaged."""
        if not self.usable:
            return None
        try:
            raw = (self.folder / f"{name}.o").read_bytes()
        except OSError:
            return None
        head = len(_MAGIC) + _DIGEST_BYTES
        digest, body = raw[len(_MAGIC) : head], raw[head:]
        if not raw.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
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
            write_atomically(self.folder / f"{name}.o", _MAGIC + hashlib.sha256(body).digest() + body)
        except (OSError, SettingError) as error:
            log.warning("kernel %s is not kept: %s", name, error)
