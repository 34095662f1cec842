"""What Numba must know to compile kernels: the types of their words, and the functions declared in `codegen/jit.py`.

Only compiling imports this module, for Numba takes as long to import as a small net takes to start.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.core.registry import cpu_target
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_cast,
    lower_getattr_generic,
    lower_setattr_generic,
    register_jitable,
    register_model,
)

from xdn.codegen.arithmetic import external
from xdn.codegen.jit import Emitted, Jitable, Kind, Words, undeclared
from xdn.element import Element


class WordsType(types.Type):
    """Words whose meaning is declared; in memory a pointer to int64."""

    def __init__(self, words: type[Words]):
        self.kinds, self.slots = words.kinds, words.slots
        declared = {name: (self.slots[name], kind) for name, kind in self.kinds.items()}
        super().__init__(f"Words({words.__module__}.{words.__qualname__}, {declared})")

    def can_convert_to(self, typingctx: Any, other: types.Type) -> Any:
        """Let plain words be asked for."""
        return Conversion.safe if other == types.CPointer(types.int64) else None


class PlaceType(types.Type):
    """Where a blob's numbers lie, in bytes from the begin of an arena."""

    def __init__(self, element: Element):
        self.element = element
        super().__init__(f"Place({element.name})")


class TableType(types.Type):
    """A table whose rows are words with names; in memory a pointer to int64."""

    def __init__(self, row: type[Words]):
        self.row = WordsType(row)
        super().__init__(f"Table({self.row.name})")


@register_model(TableType)
@register_model(WordsType)
class _WordsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: types.Type):
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@register_model(PlaceType)
class _PlaceModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: types.Type):
        super().__init__(manager, kind, ir.IntType(64))


@infer_getattr
class _WordsAttributes(AttributeTemplate):
    key = WordsType

    # The template's own says that it is not implemented.
    def generic_resolve(self, value: Any, attr: str) -> Any:  # type: ignore[override]
        return type_of(value.kinds[attr]) if attr in value.kinds else None


@lower_getattr_generic(WordsType)
def _load_word(context: Any, builder: ir.IRBuilder, words: WordsType, pointer: ir.Value, name: str) -> ir.Value:
    word, kind = word_pointer(builder, words, pointer, name), words.kinds[name]
    if kind.role == "cell":
        return word
    if kind.role == "number":
        return builder.load(builder.bitcast(word, kind.llvm.as_pointer()))
    value = builder.load(word)
    return builder.inttoptr(value, kind.llvm) if kind.is_pointer else value


@lower_setattr_generic(WordsType)
def _store_word(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value], name: str) -> None:
    builder.store(values[1], word_pointer(builder, signature.args[0], values[0], name))


@lower_cast(WordsType, types.CPointer)
def _plain_words(
    context: Any, builder: ir.IRBuilder, given: types.Type, wanted: types.Type, value: ir.Value
) -> ir.Value:
    return value


@lower_builtin(operator.getitem, TableType, types.Integer)
def _row_by_number(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
    table, number = values
    words = ir.Constant(ir.IntType(64), max(signature.return_type.slots.values()) + 1)
    return builder.gep(table, [builder.mul(number, words)])


@infer_global(operator.getitem)
class _RowByNumber(AbstractTemplate):
    def generic(self, args: tuple[types.Type, ...], kws: Any) -> Any:
        table, *number = args
        if isinstance(table, TableType) and len(number) == 1 and isinstance(number[0], types.Integer):
            return table.row(table, types.int64)
        return None


def word_pointer(builder: ir.IRBuilder, words: WordsType, pointer: ir.Value, name: str) -> ir.Value:
    """Return the pointer to the word called `name`."""
    return builder.gep(pointer, [ir.Constant(ir.IntType(64), words.slots[name])])


def type_of(kind: Kind) -> types.Type:
    """Return Numba's type of a kind."""
    if kind.element is None:
        return types.void
    if kind.role == "place":
        return PlaceType(kind.element)
    if kind.row is not None:
        row: Any = kind.row
        return TableType(row)
    # Of bf16 and f16 their bits.
    number: types.Type = types.uint16 if kind.element.bytes == 2 else getattr(types, kind.element.dtype)
    return types.CPointer(number) if kind.is_pointer else number


def pointer_to(element: Element) -> types.Type:
    """Return the type of a pointer to numbers of an element."""
    return type_of(Kind(element, "pointer"))


def declare() -> None:
    """Tell Numba of all functions that have been declared since the last call."""
    context, made = cpu_target.typing_context, {}
    while undeclared:
        function = undeclared.pop(0)
        if isinstance(function, Jitable):
            register_jitable(**function.options)(function.function)
        else:
            made[function] = intrinsic(definition(function) if isinstance(function, Emitted) else function.define)
    context.refresh()
    for function, known in made.items():
        context.insert_global(function, context.resolve_value_type(known))


def definition(function: Emitted) -> Callable[..., Any]:
    """Return an emitted function as Numba's `intrinsic` takes it."""

    def define(typingctx: Any, *arguments: types.Type) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
            result = _call(builder, function, values) if function.own else function.emit(builder, *values)
            return context.get_dummy_value() if function.result.element is None else result

        return type_of(function.result)(*map(type_of, function.parameters)), codegen

    names = ["typingctx", *(f"argument{i}" for i in range(len(function.parameters)))]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    define.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]
    define.__name__ = function.emit.__name__
    return define


def _call(builder: ir.IRBuilder, function: Emitted, values: list[ir.Value]) -> ir.Value:
    """Emit the call of a function that is defined later; see `nest.py`."""
    # Numba links what it has compiled, though nobody runs it: any address will do.
    llvm.add_symbol(function.symbol, 1)
    kind = ir.FunctionType(ir.VoidType(), [parameter.llvm for parameter in function.parameters])
    return builder.call(external(builder, function.symbol, kind), values)


def words_type(words: type[Words] | None) -> types.Type:
    """Return the type of a pointer to words; plain int64 where they are not declared."""
    return types.CPointer(types.int64) if words is None else WordsType(words)
