"""Read CIFAR's pickles without unpickling: an interpreter that knows only what stands in such files.

A pickle is a program for a stack machine, and Python's own machine calls what the file names. This one calls
nothing: numpy's constructors are recognised by name and become plain records, every other name is refused. No
number in the file makes it allocate (an array's bytes must stand in the file), what it copies is counted, and so
are its steps.
"""

import pickletools
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

_INTEGERS = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1")
_STRINGS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
#: What pushes its argument.
_PUSHES = frozenset((*_INTEGERS, *_STRINGS, *_BYTES))
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, type] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}


@dataclass(eq=False)
class _Record:
    """What stands for a thing of numpy's.

    Parameters
    ----------
    kind : str
        A function, as `_GLOBALS` calls it; ``"bytes"`` or ``"other"`` for a dtype; ``"array"``.
    array : Array, optional
        Of an array, once its bytes are known.
    """

    kind: str
    array: Array | None = None


def load_cifar_pickle(path: Path) -> dict[str, Any]:
    """Return the dictionary in a CIFAR pickle: lists, integers, byte strings and u8 arrays.

    Keys come back as text (Latin-1), u8 arrays read-only. Raises ParseError for everything else that a pickle can say.
    """
    raw = read_bounded(path, settings.MAX_PICKLE_BYTES)
    machine, offset = _Machine(), 0
    try:
        for steps, (opcode, argument, position) in enumerate(pickletools.genops(raw)):
            offset = position or 0
            if steps == settings.MAX_PICKLE_STEPS:
                raise ValueError(f"it has more than {steps} steps")
            machine.step(opcode.name, argument)
        if not isinstance(machine.result, dict):
            raise ValueError("it holds no dictionary")
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        what, where = f"the pickle cannot be read: {error!s:.200}", f"{path}: byte {offset}"
        mend = "Only CIFAR's own batch files are read; fetch them again with --download"
        raise ParseError(what, where=where, mend=mend) from None
    return {_text(key): _plain(value) for key, value in machine.result.items()}


def _text(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    """Return an array for its record, anything else as it is."""
    return value.array if isinstance(value, _Record) else value


class _Machine:
    """The stack, the marks and the memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.result: Any = None
        self._copied_bytes = 0

    def step(self, name: str, argument: Any) -> None:
        """Carry out one opcode; raise ValueError, or what a stack and a memo raise, where it does not fit."""
        stack = self.stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                stack.append(_MARK)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple([stack.pop() for _ in range(int(name[-1]))][::-1]))
            case "APPEND":
                self._append([stack.pop()])
            case "APPENDS":
                self._append(self._since_mark())
            case "SETITEM":
                self._set_items([stack.pop(-2), stack.pop()])
            case "SETITEMS":
                self._set_items(self._since_mark())
            case "GLOBAL":
                self._global(*argument.split(" ", 1))
            case "STACK_GLOBAL":
                self._global(stack.pop(-2), stack.pop())
            case "REDUCE":
                self._reduce(stack.pop(-2), stack.pop())
            case "BUILD":
                self._build(stack.pop())
            case "STOP":
                self.result = stack.pop()
            case _ if name in _PUSHES:
                stack.append(argument)
            case _ if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case _ if name in _EMPTY:
                stack.append(_EMPTY[name]())
            case _:
                raise ValueError(f"it uses {name}, which no CIFAR batch needs")

    def _since_mark(self) -> list[Any]:
        """Take what is above the mark off the stack, and the mark."""
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _append(self, items: list[Any]) -> None:
        """Append to the list on top of the stack."""
        if not isinstance(self.stack[-1], list):
            raise ValueError("items are appended to what is not a list")
        self.stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        """Enter keys and values into the dictionary on top of the stack."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("keys and values are not paired in a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | bytes):
                raise ValueError("a dictionary's key is not a string")
            target[key] = value

    def _global(self, module: Any, attribute: Any = "") -> None:
        # Looked at as text only: the hash of a tuple of tuples of tuples ... takes for ever.
        known = isinstance(module, str) and isinstance(attribute, str)
        kind = _GLOBALS.get((module, attribute)) if known else None
        if kind is None:
            shown = f"{module:.60}.{attribute:.60}" if known else "no text"
            raise ValueError(f"it names {shown!r}, which no CIFAR batch needs; nothing was run")
        self.stack.append(_Record(kind))

    def _reduce(self, called: Any, arguments: Any) -> None:
        """Stand in for a call: only the constructors of numpy's arrays and dtypes, and bytes of Python 3."""
        if not isinstance(called, _Record) or not isinstance(arguments, tuple):
            raise ValueError("a call of what is not a function")
        match called.kind, arguments:
            case "reconstruct", (_Record(kind="ndarray"), *_):
                self.stack.append(_Record("array"))
            case "dtype", (name, *_):
                self.stack.append(_Record("bytes" if name in _BYTE_TYPES else "other"))
            case "encode", (text, "latin1" | b"latin1"):
                self.stack.append(self._encoded(text))
            case _:
                raise ValueError(f"an unusual call of {called.kind}")

    def _build(self, state: Any) -> None:
        """Give an array its shape and bytes; a dtype's state (byte order, fields) does not matter for u8."""
        match self.stack[-1], state:
            case _Record(kind="bytes" | "other"), _:
                return
            case _Record(kind="array") as target, (_, shape, _Record(kind="bytes"), False, data):
                data = self._encoded(data)
            case _:
                raise ValueError("a state for what is not an array of unsigned bytes in C order")
        whole = isinstance(shape, tuple) and all(type(extent) is int and extent >= 0 for extent in shape)
        if not whole or len(shape) != 2 or prod(shape) != len(data):
            raise ValueError(f"an array whose shape does not fit its {len(data)} bytes")
        target.array = np.frombuffer(data, np.uint8).reshape(shape)

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
