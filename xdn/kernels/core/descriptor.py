"""What a kernel is told, declared once: the int64 words of its descriptor, by name and kind.

::

    class Affine(Descriptor):                              Affine(x="conv1", y="bn1", pitch=64, factor=array)
        x, y = Place(), Place()                                makes the words, and keeps what they point to
        pitch = Size()
        factor = Pointer()

    def affine(d, frame):                                  the kernel that is given them
        x, factor = at(frame, d.x), d.factor
        ... d.pitch ...

A table has rows of int64 words, whose names are declared in the same way::

    class Position(Descriptor):                            class Pool(Descriptor):
        x, y = Size(), Size()                                  positions = Table(Position)

    def pool(d, frame):
        ... d.positions[p].x ...
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar, Self, TypeVar, overload

import numpy as np

from xdn.codegen.jit import I64, Kind
from xdn.codegen.native import address
from xdn.element import REAL, S64, Element

#: Words of a cache line.
_LINE = 8


class Field:
    """One word of a descriptor.

    Parameters
    ----------
    kind : Kind
        What a kernel reads there.
    new_line : bool
        The word begins a cache line, so that who writes words before it does not disturb who reads this one.
    """

    def __init__(self, kind: Kind, new_line: bool = False):
        self.kind, self.new_line = kind, new_line
        #: The word's number.
        self.slot = -1
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: "Descriptor", owner: type) -> int: ...

    def __get__(self, instance: "Descriptor | None", owner: type) -> "Self | int":
        return self if instance is None else int(instance.words[self.slot])

    def __set__(self, instance: "Descriptor", value: Any) -> None:
        self.fill(instance, value)

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Put a value into a descriptor."""
        descriptor.words[self.slot] = value


class Size(Field):
    """A whole number."""

    def __init__(self, new_line: bool = False) -> None:
        super().__init__(I64, new_line)


class Number(Field):
    """A number of some element, which has the first bytes of the word."""

    def __init__(self, element: Element = REAL):
        super().__init__(Kind(element))
        self._dtype = element.numpy

    @overload  # type: ignore[override]
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: "Descriptor", owner: type) -> float: ...

    def __get__(self, instance: "Descriptor | None", owner: type) -> "Self | float":
        return self if instance is None else float(self._own(instance)[0])

    def _own(self, descriptor: "Descriptor") -> np.ndarray:
        return descriptor.words[self.slot : self.slot + 1].view(self._dtype)

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Round the value to the element, and put it into the word."""
        self._own(descriptor)[0] = value


class Cell(Field):
    """A word, or the first of several, whose address a kernel is given: to change it, or to see it change."""

    def __init__(self, new_line: bool = False) -> None:
        super().__init__(Kind(S64, "cell"), new_line)


class Pointer(Field):
    """The address of an array that the descriptor keeps, or one as a number."""

    def __init__(self, element: Element = REAL):
        super().__init__(Kind(element, "pointer"))

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Keep an array, and put its address into the word; a number is an address that somebody else keeps."""
        if isinstance(value, np.ndarray):
            descriptor.keep += (value,)
            value = address(value)
        super().fill(descriptor, value)


class Table(Pointer):
    """The address of a table of (rows, words) int64, each row of which is words with names.

    Parameters
    ----------
    row : class
        Declares them, as a `Descriptor` of fields of one word each.
    """

    def __init__(self, row: "type[Descriptor]"):
        Field.__init__(self, Kind(S64, "table", row))
        self.row = row

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Keep the table, whose rows must have as many words as there are names for."""
        if isinstance(value, np.ndarray):
            assert value.dtype == np.int64
            assert value.shape[1:] == (self.row.size,)
        super().fill(descriptor, value)


class Place(Field):
    """Where a blob lies, which the plan decides; given is the blob's name, or nothing."""

    def __init__(self, element: Element = REAL):
        super().__init__(Kind(element, "place"))

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Note which blob's place the plan puts there."""
        if value is not None:
            descriptor.blobs[self.slot] = value


class Scratch(Field):
    """Where memory lies that a step needs for itself while it runs; given are its elements."""

    def __init__(self, element: Element = REAL):
        super().__init__(Kind(element, "place"))
        self._bytes = element.bytes

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Note how many elements the plan finds a place for."""
        if value:
            descriptor.scratch[self.slot] = value * self._bytes


class Descriptor:
    """Words whose fields a subclass declares; see the module.

    Parameters
    ----------
    values
        By field; those that are not given are 0.

    Attributes
    ----------
    words : (n,) int64
    blobs : dict
        Slot -> blob whose place in the arena goes there.
    scratch : dict
        Slot -> bytes of memory whose place goes there.
    keep : tuple of arrays
        What the words point to.
    """

    fields: ClassVar[Mapping[str, Field]] = {}
    kinds: ClassVar[Mapping[str, Kind]] = {}
    slots: ClassVar[Mapping[str, int]] = {}
    #: How many words there are.
    size: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: field for name, field in vars(cls).items() if isinstance(field, Field)}
        above, cls.fields = cls.fields, {**cls.fields, **own}
        for name, field in own.items():
            if name in above:
                field.slot = above[name].slot
                continue
            field.slot = -(-cls.size // _LINE) * _LINE if field.new_line else cls.size
            cls.size = field.slot + 1
        cls.kinds = {name: field.kind for name, field in cls.fields.items()}
        cls.slots = {name: field.slot for name, field in cls.fields.items()}

    def __init__(self, **values: Any):
        self.words = np.zeros(self.size, np.int64)
        self.blobs: dict[int, str] = {}
        self.scratch: dict[int, int] = {}
        self.keep: tuple[np.ndarray, ...] = ()
        for name, value in values.items():
            self.fields[name].fill(self, value)


Declared = TypeVar("Declared", bound=Descriptor)


def over(words: type[Declared], element: Element) -> type[Declared]:
    """Return how `words` are declared for blobs of an element."""
    return redeclared(words, element, Place, *(name for name, each in words.fields.items() if isinstance(each, Place)))


#: What was asked of `redeclared` -> the class that was declared then.
_redeclared: dict[Hashable, Any] = {}


def redeclared(
    words: type[Declared], element: Element, kind: Callable[[Element], Field], *names: str
) -> type[Declared]:
    """Return `words` with some fields of a kind that are of another element; the very class where they are of it.

    Asked again, it is the same class: kernels whose words are alike have their loops in common (`xdn/codegen/nest.py`).
    """
    fields = {name: kind(element) for name in names}
    if all(field.kind == words.fields[name].kind for name, field in fields.items()):
        return words
    key = words, element, kind, names
    if key not in _redeclared:
        _redeclared[key] = type(f"{words.__name__}_{element.name}", (words,), fields)
    known: type[Declared] = _redeclared[key]
    return known
