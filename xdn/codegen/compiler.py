"""Compile a kernel with Numba into object code that needs nothing of Python or Numba to run."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from xdn.codegen.jit import Words
from xdn.codegen.names import KernelName

#: A kernel's Python body: (descriptor, frame) -> None, both int64 words.
KernelBody = Callable[..., None]


@dataclass(frozen=True)
class KernelSource:
    """A kernel by name, and how to make the Python function that Numba compiles.

    Parameters
    ----------
    name : KernelName
        Says everything on which the code depends; two sources of one name are the same kernel.
    make : callable
        Returns the body; called only when the cache has no code for the name.
    words : (class, class)
        How the descriptor's words are declared, and the frame's; None for words by number.
    """

    name: KernelName
    make: Callable[[], KernelBody] = field(compare=False)
    words: tuple[type[Words] | None, type[Words] | None] = field(default=(None, None), compare=False)


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
        Seconds that Numba took; 0 where the code came from the cache.
    """

    symbol: str
    code: bytes
    compile_s: float = 0.0


def compile_kernel(source: KernelSource) -> ObjectCode:
    """Return the object code of `source` for the processor of this machine."""
    begin = time.perf_counter()
    result = compiled(source)
    code = result.library.serialize_using_object_code()[2][0]
    return ObjectCode(result.fndesc.llvm_func_name, code, time.perf_counter() - begin)


def compiled(source: KernelSource) -> Any:
    """Return what Numba's compiler makes of `source`.

    Without the wrappers that call a function from Python, the code refers to nothing outside itself, so a
    later process loads it without Numba. Division follows IEEE 754 (no exceptions), and no fastmath
    flag is set: results depend on nothing but the order of operations that the kernel writes.
    """
    from numba.core import compiler, types
    from numba.core.registry import cpu_target

    from xdn.codegen.numba_types import declare, words_type

    body = source.make()
    declare()
    flags = compiler.Flags()
    flags.no_cpython_wrapper = True
    flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    return compiler.compile_extra(
        cpu_target.typing_context,
        cpu_target.target_context,
        body,
        args=tuple(map(words_type, source.words)),
        return_type=types.void,
        flags=flags,
        locals={},
    )
