"""Turn kernels into addresses: from memory, from the cache on disk, or by compiling them."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import llvmlite.binding as llvm

from xdn.codegen.assembler import linked
from xdn.codegen.cache import KernelCache
from xdn.codegen.compiler import ObjectCode, compile_kernels
from xdn.codegen.listening import tell
from xdn.codegen.source import KernelSource


@dataclass
class LoadStats:
    """What getting kernels cost.

    Parameters
    ----------
    compiled, from_cache : list of str
        Names of the kernels that were compiled, and of those that were read from disk, or received.
    compile_s, link_s : float
        Seconds of compiling, and of everything else: reading, keeping and linking their code.
    """

    compiled: list[str] = field(default_factory=list)
    from_cache: list[str] = field(default_factory=list)
    compile_s: float = 0.0
    link_s: float = 0.0


class KernelLoader:
    """Addresses of kernels, each compiled at most once per machine.

    Parameters
    ----------
    cache : KernelCache, optional
        Where object code is kept between processes.
    """

    def __init__(self, cache: KernelCache | None = None):
        self.cache = cache or KernelCache()
        self.stats = LoadStats()
        self._received: dict[str, ObjectCode] = {}
        self._addresses: dict[str, int] = {}
        # An engine frees its code when it is collected, so each lives as long as the loader.
        self._engines: list[llvm.ExecutionEngine] = []
        self._lock = threading.Lock()

    def codes(self) -> dict[str, ObjectCode]:
        """Return name -> object code of the kernels that were got so far, as far as the cache has them."""
        names = (*self.stats.compiled, *self.stats.from_cache)
        return {name: code for name in names if (code := self.cache.load(name)) is not None}

    def receive(self, codes: Mapping[str, ObjectCode]) -> None:
        """Take the object code of kernels from another process, whose `generator_digest` is the same."""
        with self._lock:
            self._received.update(codes)

    def address(self, source: KernelSource) -> int:
        """Return the address of the kernel's machine code."""
        self.prepare([source])
        return self._addresses[str(source.name)]

    def prepare(self, sources: Iterable[KernelSource]) -> None:
        """Make sure of the machine code of kernels; tell who listens how many must be compiled, and which."""
        with self._lock:
            begin, compiled_s = time.perf_counter(), self.stats.compile_s
            missing = {}
            for name, source in {str(source.name): source for source in sources}.items():
                if name in self._addresses:
                    continue
                code = self.cache.load(name) or self._received.get(name)
                if code is None:
                    missing[name] = source
                else:
                    self.stats.from_cache.append(name)
                    self._addresses[name] = self._link(code)
            if missing:
                self._compile(list(missing.values()))
            self.stats.link_s += time.perf_counter() - begin - (self.stats.compile_s - compiled_s)

    def _compile(self, sources: list[KernelSource]) -> None:
        begin, tied_s = time.perf_counter(), 0.0
        tell(f"compile {sources[0].name}", 0, len(sources))
        for done, (source, code) in enumerate(compile_kernels(sources), start=1):
            ready, name = time.perf_counter(), str(source.name)
            self.cache.store(name, code)
            self.stats.compiled.append(name)
            self._addresses[name] = self._link(code)
            tied_s += time.perf_counter() - ready
            tell(f"compile {sources[done].name}" if done < len(sources) else "", done, len(sources))
        self.stats.compile_s += time.perf_counter() - begin - tied_s

    def _link(self, code: ObjectCode) -> int:
        # One engine per kernel: Numba numbers its symbols per process, so two kernels that
        # different processes compiled may bear one symbol.
        engine = linked(code.code)
        self._engines.append(engine)
        return int(engine.get_function_address(code.symbol))


_process_loader: KernelLoader | None = None
_process_lock = threading.Lock()


def process_loader() -> KernelLoader:
    """Return the loader that all sessions of this process share."""
    global _process_loader
    with _process_lock:
        if _process_loader is None:
            _process_loader = KernelLoader()
        return _process_loader
