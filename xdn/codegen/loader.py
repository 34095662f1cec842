"""Turn kernels into addresses: from memory, from the cache on disk, or by compiling them."""

import threading
import time
from dataclasses import dataclass, field

import llvmlite.binding as llvm

from xdn.codegen.cache import KernelCache
from xdn.codegen.compiler import KernelSource, ObjectCode, compile_kernel


@dataclass
class LoadStats:
    """What getting kernels cost.

    Parameters
    ----------
    compiled, from_cache : list of str
        Names of the kernels that were compiled, and of those that were read from disk.
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
        self._addresses: dict[str, int] = {}
        # An engine frees its code when it is collected, so each lives as long as the loader.
        self._engines: list[llvm.ExecutionEngine] = []
        self._lock = threading.Lock()

    def address(self, source: KernelSource) -> int:
        """Return the address of the kernel's machine code."""
        name = str(source.name)
        with self._lock:
            if name not in self._addresses:
                begin = time.perf_counter()
                code = self._object_code(name, source)
                self._addresses[name] = self._link(code)
                self.stats.link_s += time.perf_counter() - begin - code.compile_s
            return self._addresses[name]

    def _object_code(self, name: str, source: KernelSource) -> ObjectCode:
        code = self.cache.load(name)
        if code is not None:
            self.stats.from_cache.append(name)
            return code
        code = compile_kernel(source)
        self.cache.store(name, code)
        self.stats.compiled.append(name)
        self.stats.compile_s += code.compile_s
        return code

    def _link(self, code: ObjectCode) -> int:
        # One engine per kernel: Numba numbers its symbols per process, so two kernels that
        # different processes compiled may bear one symbol.
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine()
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code.code))
        engine.finalize_object()
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
