"""Compile kernels into object code that needs nothing of Python or Numba to run."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdn.codegen import assembler
from xdn.codegen.jit import Emitted
from xdn.codegen.nest import Nest, definitions, nest_of
from xdn.codegen.source import KernelSource
from xdn.codegen.workers import Workers


@dataclass(frozen=True)
class ObjectCode:
    """Relocatable machine code of one kernel.

    Parameters
    ----------
    symbol : str
        The function's name in the object file.
    code : bytes
        The object file.
    compile_s : float
        Seconds from when its nest was begun until it was ready; 0 where the code came from the cache.
    """

    symbol: str
    code: bytes
    compile_s: float = 0.0


def compile_kernels(sources: Sequence[KernelSource]) -> Iterator[tuple[KernelSource, ObjectCode]]:
    """Yield the object code of kernels for the processor of this machine, in any order, as they are ready.

    Numba makes the nests one after the other; meanwhile other processors put the emitted functions into them.
    """
    with Workers(len(sources)) as workers:
        for source in sources:
            begin = time.perf_counter()
            nest, own = nest_of(source)
            workers.give((source, nest.symbol, begin), nest.text, _definitions(nest, own))
            yield from _finished(workers.ready())
        yield from _finished(workers.rest())


def _finished(
    codes: Iterator[tuple[tuple[KernelSource, str, float], bytes]],
) -> Iterator[tuple[KernelSource, ObjectCode]]:
    for (source, symbol, begin), code in codes:
        yield source, ObjectCode(symbol, code, time.perf_counter() - begin)


def compile_kernel(source: KernelSource) -> ObjectCode:
    """Return the object code of a kernel for the processor of this machine."""
    ((_, code),) = compile_kernels([source])
    return code


def assembly(source: KernelSource) -> str:
    """Return the assembly of a kernel, to be read."""
    nest, own = nest_of(source)
    return str(assembler.machine().emit_assembly(assembler.assembled(nest.text, _definitions(nest, own))))


def _definitions(nest: Nest, own: list[Emitted]) -> str:
    machine = assembler.machine()
    return definitions(nest, own, str(machine.triple), str(machine.target_data))
