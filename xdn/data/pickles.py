"""Read CIFAR's pickles without unpickling: an interpreter that knows only what stands in such files.

A pickle is a program for a stack machine, and Python's own machine calls what the file names. This one calls
nothing: numpy's constructors are recognised by name and become plain records, every other name is refused. No
number in the file makes it allocate (an array's bytes must stand in the file), what it copies is counted, and so
are its steps.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from xdn import settings
from xdn.errors import ParseError
from xdn.files import read_bounded
from xdn.graph import Array

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_GLOBALS = {
    **{(module, "_reconstruct"): "reconstruct" for module in _MULTIARRAY},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
}
_BYTE_TYPES = ("u1", "uint8")
_MARK = object()


@dataclass(frozen=True)
class _Global:
    kind: str


@dataclass
class _Dtype:
    name: str


@dataclass
class _ArrayRecord:
    array: Array | None = None


def load_cifar_pickle(path: Path) -> dict[str, Any]:
    """Return the dictionary in a CIFAR pickle: lists, integers, byte strings and u8 arrays.

    Keys come back as text (Latin-1), u8 arrays read-only. Raises ParseError for everything else that a pickle can say.
    """
    raw = read_bounded(path, settings.MAX_PICKLE_BYTES)
    machine = _Machine(str(path))
    offset = 0
    try:
        for steps, (opcode, argument, position) in enumerate(pickletools.genops(raw)):
            offset = position or 0
            if steps == settings.MAX_PICKLE_STEPS:
                raise machine.refusal(f"the pickle has more than {steps} steps", offset)
            machine.step(opcode.name, argument, offset)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise machine.refusal(f"no valid pickle: {error!s:.200}", offset) from None
    if not isinstance(machine.result, dict):
        raise machine.refusal("the pickle holds no dictionary", offset)
    return {_text(key): _plain(value) for key, value in machine.result.items()}


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    """Return an array for its record, anything else as it is."""
    return value.array if isinstance(value, _ArrayRecord) else value


class _Machine:
    """The stack, the marks and the memo of one pickle."""

    def __init__(self, where: str):
        self.where = where
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.result: Any = None
        self._copied_bytes = 0

    def refusal(self, what: str, offset: int) -> ParseError:
        """Return the error to raise for what stands at `offset`."""
        mend = "Only CIFAR's own batch files are read; fetch them again with --download"
        return ParseError(what, where=f"{self.where}: byte {offset}", mend=mend)

    def step(self, name: str, argument: Any, offset: int) -> None:
        """Carry out one opcode."""
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._global(name, argument, offset)
        elif name not in _NOTHING:
            raise self.refusal(f"the pickle uses {name}, which no CIFAR batch needs", offset)

    def _global(self, name: str, argument: Any, offset: int) -> None:
        if name == "GLOBAL":
            module, _, attribute = argument.partition(" ")
        else:
            attribute, module = self.stack.pop(), self.stack.pop()
        # Looked at as text only: the hash of a tuple of tuples of tuples ... takes for ever.
        known = isinstance(module, str) and isinstance(attribute, str)
        kind = _GLOBALS.get((module, attribute)) if known else None
        if kind is None:
            shown = f"{module:.60}.{attribute:.60}" if known else "no text"
            raise self.refusal(f"the pickle names {shown!r}, which no CIFAR batch needs; nothing was run", offset)
        self.stack.append(_Global(kind))

    def _since_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _encoded(self, text: Any) -> bytes:
        """Return text as the bytes that Python 2 meant; many copies of one text may not fill the memory."""
        if isinstance(text, bytes):
            return text
        if not isinstance(text, str):
            raise ValueError("bytes that are not text")
        self._copied_bytes += len(text)
        if self._copied_bytes > settings.MAX_PICKLE_BYTES:
            raise ValueError("it copies more bytes than it may")
        return text.encode("latin-1")

    def put(self, index: Any) -> None:
        """Keep the top of the stack in the memo, under `index` or the next free one."""
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def get(self, index: Any) -> None:
        """Push what the memo holds."""
        self.stack.append(self.memo[index])

    def mark(self, _: Any) -> None:
        """Push the mark."""
        self.stack.append(_MARK)

    def tuple_(self, _: Any) -> None:
        """Make a tuple of everything above the mark."""
        self.stack.append(tuple(self._since_mark()))

    def short_tuple(self, count: int) -> None:
        """Make a tuple of the topmost `count`."""
        items = tuple(self.stack[-count:])
        if len(items) != count:
            raise ValueError("the stack is empty")
        self.stack[-count:] = [items]

    def append(self, items: list[Any]) -> None:
        """Append to the list on top of the stack."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("items are appended to what is not a list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Enter keys and values into the dictionary on top of the stack."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("keys and values are not paired in a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | bytes):
                raise ValueError("a dictionary's key is not a string")
            target[key] = value

    def reduce(self, _: Any) -> None:
        """Stand in for a call: only the constructors of numpy's arrays and dtypes, and bytes of Python 3."""
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, _Global) or not isinstance(arguments, tuple):
            raise ValueError("a call of what is not a function")
        if called.kind == "reconstruct" and arguments[:1] == (_Global("ndarray"),):
            self.stack.append(_ArrayRecord())
        elif called.kind == "dtype":
            self.stack.append(_Dtype(arguments[0] if arguments[0] in _BYTE_TYPES else "other"))
        elif called.kind == "encode" and len(arguments) == 2 and arguments[1] in ("latin1", b"latin1"):
            self.stack.append(self._encoded(arguments[0]))
        else:
            raise ValueError(f"an unusual call of {called.kind}")

    def build(self, _: Any) -> None:
        """Give an array its shape and bytes; a dtype's state (byte order, fields) does not matter for u8."""
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, _Dtype):
            return
        if not isinstance(target, _ArrayRecord):
            raise ValueError("a state for what is not an array")
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype) or dtype.name not in _BYTE_TYPES or fortran is not False:
            raise ValueError("an array that is not of unsigned bytes in C order")
        data = self._encoded(data)
        if (
            not isinstance(shape, tuple)
            or len(shape) != 2
            or any(type(e) is not int or e < 0 for e in shape)
            or prod(shape) != len(data)
        ):
            raise ValueError(f"an array whose shape does not fit its {len(data)} bytes")
        target.array = np.frombuffer(data, np.uint8).reshape(shape)

    def stop(self, _: Any) -> None:
        """Take the result off the stack."""
        self.result = self.stack.pop()


_INTEGERS = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1")
_STRINGS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
_PUSHES = frozenset((*_INTEGERS, *_STRINGS, *_BYTES))
_NOTHING = frozenset(("PROTO", "FRAME"))
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "STOP": _Machine.stop,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "TUPLE": _Machine.tuple_,
    "TUPLE1": lambda machine, _: machine.short_tuple(1),
    "TUPLE2": lambda machine, _: machine.short_tuple(2),
    "TUPLE3": lambda machine, _: machine.short_tuple(3),
    "APPEND": lambda machine, _: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine._since_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine.set_items(machine._since_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
}
