"""The loops around a kernel's own emitted functions, compiled by Numba once for all kernels that have them in common.

Contractions of 6 and of 13 filters, with and without an activation, are the same Python loops around another tile. What
Numba makes of the loops, with calls in place of the tiles, is a `Nest`; LLVM puts each kernel's tile there
(`assembler.py`), in a tenth of the time.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.jit import Emitted, undeclared
from xdn.codegen.source import KernelSource
from xdn.interrupts import uninterrupted


@dataclass(frozen=True)
class Nest:
    """What Numba makes of a kernel's body.

    Parameters
    ----------
    text : str
        LLVM IR.
    symbol : str
        The kernel's function in it.
    calls : tuple of str
        Functions that it calls and does not define: one for each of the body's own emitted functions.
    """

    text: str
    symbol: str
    calls: tuple[str, ...] = ()


#: What decides a body's machine code but for its own emitted functions -> what Numba made of it.
_nests: dict[Hashable, Nest] = {}


def nest_of(source: KernelSource) -> tuple[Nest, list[Emitted]]:
    """Return the nest of a kernel, and what is to be defined for each of its calls."""
    before = len(undeclared)
    own: list[Emitted] = []
    body = source.make()
    key = _described(body, own), source.words
    if key in _nests:
        # The functions of this body are those that Numba knows from another one.
        del undeclared[before:]
    else:
        _nests[key] = _compiled(body, source, own)
    return _nests[key], own


def _compiled(body: Any, source: KernelSource, own: list[Emitted]) -> Nest:
    """Return what Numba's compiler makes of a body.

    Without the wrappers that call a function from Python, the code refers to nothing outside itself but to its calls,
    so a later process loads it without Numba. Division follows IEEE 754 (no exceptions), and no fastmath flag is set:
    results depend on nothing but the order of operations that the kernel writes.
    """
    from numba.core import compiler, types
    from numba.core.registry import cpu_target

    from xdn.codegen.numba_types import declare, words_type

    declare()
    flags: Any = compiler.Flags()
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    with uninterrupted(), _unoptimized():
        result = compiler.compile_extra(
            cpu_target.typing_context,
            cpu_target.target_context,
            body,
            args=tuple(map(words_type, source.words)),
            return_type=types.void,
            flags=flags,
            locals={},
        )
        text = result.library.get_llvm_str()
    return Nest(text, result.fndesc.llvm_func_name, tuple(each.symbol for each in own))


@contextmanager
def _unoptimized() -> Iterator[None]:
    """Let Numba optimize nothing, for LLVM does that once the nest is whole; meanwhile no other thread compiles."""
    import numba
    from numba.core.compiler_lock import global_compiler_lock

    config: Any = numba.config
    with global_compiler_lock:
        usual = config.OPT
        config.OPT = type(usual)(0)
        try:
            yield
        finally:
            config.OPT = usual


def definitions(nest: Nest, own: list[Emitted], triple: str, data_layout: str) -> str:
    """Return LLVM IR that defines what a nest calls."""
    module = ir.Module("emitted")
    module.triple, module.data_layout = triple, data_layout
    for symbol, each in zip(nest.calls, own, strict=True):
        kind = ir.FunctionType(ir.VoidType(), [parameter.llvm for parameter in each.parameters])
        function = ir.Function(module, kind, symbol)
        function.linkage = "linkonce_odr"
        function.attributes.add("alwaysinline")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        each.emit(builder, *function.args)
        builder.ret_void()
    return str(module)


class _Same:
    """An object that is equal to itself alone."""

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _described(value: Any, own: list[Emitted], inside: tuple[FunctionType, ...] = ()) -> Hashable:
    """Return what two bodies have in common that differ in nothing but their own emitted functions.

    Of a function that is its code, and what the code names; `own` takes the emitted functions, each once.
    """
    if isinstance(value, Emitted) and value.own:
        if value not in own:
            own.append(value)
        return "emitted", own.index(value), value.parameters
    if isinstance(value, FunctionType) and value not in inside:
        inside = (*inside, value)
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        named = {name: cell.cell_contents for name, cell in cells}
        known = {name: value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__}
        return _code(value.__code__), tuple(
            (name, _described(found, own, inside)) for name, found in sorted((known | named).items())
        )
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(_described(each, own, inside) for each in value)
    if isinstance(value, (bool, int, float, str, np.generic)):
        return type(value).__name__, repr(value)
    return _Same(value)


def _names(code: CodeType) -> set[str]:
    """Return the names that a code, and those within it, look up."""
    return set(code.co_names).union(*(_names(each) for each in code.co_consts if isinstance(each, CodeType)))


def _code(code: CodeType) -> Hashable:
    """Return what a code does, wherever it stands."""
    constants = tuple(_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars
