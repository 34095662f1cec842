"""Functions for kernels, declared without importing Numba: a process whose kernels are all cached never needs it.

Numba gets to know what is declared here when the first kernel is compiled (`xdn/codegen/numba_types.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar, Protocol, TypeVar

from llvmlite import ir

from xdn.element import F64, REAL, S64, U8, Element

F = TypeVar("F", bound=Callable[..., Any])


def llvm_type(element: Element) -> ir.Type:
    """Return LLVM's type of one number; of bf16 and f16 their bits."""
    known = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
    return known.get(element.dtype, ir.IntType(8 * element.bytes))


class Words(Protocol):
    """int64 words with names: what a kernel's descriptor and frame are declared as, and the rows of tables."""

    #: Name -> kind, and name -> number of the word.
    kinds: ClassVar[Mapping[str, "Kind"]]
    slots: ClassVar[Mapping[str, int]]


@dataclass(frozen=True)
class Kind:
    """The type of one of a kernel's values.

    Parameters
    ----------
    element : Element, optional
        Of the number, or of the numbers pointed to; None for no value.
    role : str
        ``"number"``; ``"pointer"``; ``"place"``: where numbers lie in the arena of whoever runs the kernel; ``"cell"``:
        where the number itself lies; ``"table"``: a pointer to rows of words.
    row : class, optional
        How the words of a table's row are declared.
    """

    element: Element | None
    role: str = "number"
    row: type[Words] | None = None

    @property
    def llvm(self) -> ir.Type:
        """LLVM's type of the value."""
        if self.element is None:
            return ir.VoidType()
        value = llvm_type(self.element)
        return value.as_pointer() if self.is_pointer else ir.IntType(64) if self.role == "place" else value

    @property
    def is_pointer(self) -> bool:
        """Whether kernels are given an address."""
        return self.role in ("pointer", "cell", "table")


VOID, I64, NUMBER = Kind(None), Kind(S64), Kind(REAL)
POINTER, F64_POINTER, U8_POINTER, WORDS = (Kind(element, "pointer") for element in (REAL, F64, U8, S64))


@dataclass(frozen=True, eq=False)
class Emitted:
    """A function that kernels call, whose code is emitted in its place.

    Parameters
    ----------
    emit : callable
        (LLVM's IR builder, an LLVM value for each parameter) -> the result, None for `VOID`.
    result : Kind
    parameters : tuple of Kind
    """

    emit: Callable[..., ir.Value | None]
    result: Kind
    parameters: tuple[Kind, ...]
    number: int = field(default_factory=count().__next__)

    @property
    def own(self) -> bool:
        """Whether the function was made for one kernel, and is compiled beside the loops that call it."""
        return self.result.element is None and "<locals>" in self.emit.__qualname__

    @property
    def symbol(self) -> str:
        """What an own function is called in machine code."""
        return f"xdn_emitted_{self.number}"


@dataclass(frozen=True, eq=False)
class Generic:
    """A function that kernels call with arguments of several types.

    Parameters
    ----------
    define : callable
        (Numba's typing context, a type for each parameter) -> (signature, code generator), as Numba's `intrinsic` takes
        it.
    """

    define: Callable[..., Any]


@dataclass(frozen=True)
class Jitable:
    """A Python function that kernels call, and the options with which Numba compiles it."""

    function: Callable[..., Any]
    options: Mapping[str, Any]


#: What Numba has yet to be told of.
undeclared: list[Emitted | Generic | Jitable] = []


def emitted(result: Kind, *parameters: Kind) -> Callable[[Callable[..., ir.Value | None]], Callable[..., Any]]:
    """Return a decorator that makes a function which emits code one that kernels call; see `Emitted`."""

    def declare(emit: Callable[..., ir.Value | None]) -> Any:
        function = Emitted(emit, result, parameters)
        undeclared.append(function)
        return function

    return declare


def generic(define: Callable[..., Any]) -> Any:
    """Return what kernels call to get the code that `define` gives for the types at hand; see `Generic`."""
    function = Generic(define)
    undeclared.append(function)
    return function


def jitable(function: F) -> F:
    """Let kernels call a Python function."""
    undeclared.append(Jitable(function, {"inline": "never"}))
    return function


def inlined(function: F) -> F:
    """Let kernels call a Python function, whose code stands in theirs."""
    undeclared.append(Jitable(function, {"inline": "always"}))
    return function
