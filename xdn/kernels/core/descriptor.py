"""What a kernel is told, declared once: the int64 words of its descriptor, by name and kind.

::

    class Affine(Descriptor):                              Affine(x="conv1", y="bn1", pitch=64, factor=array)
        x, y = Place(), Place()                                makes the words, and keeps what they point to
        pitch = Size()
        factor = Pointer()

    def affine(d, frame):                                  the kernel that is given them
        x, factor = at(frame, d.x), d.factor
        ... d.pitch ...
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, overload

import numpy as np

from xdn.codegen.jit import I64, Kind
from xdn.element import F32, Element


class Field:
    """One word of a descriptor.

    Parameters
    ----------
    kind : Kind
        What a kernel reads there.
    """

    def __init__(self, kind: Kind):
        self.kind = kind
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

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Put a value into a descriptor."""
        descriptor.words[self.slot] = value


class Size(Field):
    """A number."""

    def __init__(self) -> None:
        super().__init__(I64)


class Pointer(Field):
    """The address of an array that the descriptor keeps, or one as a number."""

    def __init__(self, element: Element = F32):
        super().__init__(Kind(element, "pointer"))

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Keep an array, and put its address into the word; a number is an address that somebody else keeps."""
        if isinstance(value, np.ndarray):
            descriptor.keep += (value,)
            value = address(value)
        super().fill(descriptor, value)


class Place(Field):
    """Where a blob lies, which the plan decides; given is the blob's name, or nothing."""

    def __init__(self, element: Element = F32):
        super().__init__(Kind(element, "place"))

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Note which blob's place the plan puts there."""
        if value is not None:
            descriptor.blobs[self.slot] = value


class Scratch(Field):
    """Where memory lies that a step needs for itself while it runs; given are its bytes."""

    def __init__(self, element: Element = F32):
        super().__init__(Kind(element, "place"))

    def fill(self, descriptor: "Descriptor", value: Any) -> None:
        """Note how many bytes the plan finds a place for."""
        if value:
            descriptor.scratch[self.slot] = value


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

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: field for name, field in vars(cls).items() if isinstance(field, Field)}
        cls.fields = {**cls.fields, **own}
        cls.kinds = {name: field.kind for name, field in cls.fields.items()}
        for slot, field in enumerate(cls.fields.values()):
            field.slot = slot

    def __init__(self, **values: Any):
        self.words = np.zeros(len(self.fields), np.int64)
        self.blobs: dict[int, str] = {}
        self.scratch: dict[int, int] = {}
        self.keep: tuple[np.ndarray, ...] = ()
        for name, value in values.items():
            self.fields[name].fill(self, value)


def address(array: np.ndarray) -> int:
    """Return the address of an array's first element; the array must be contiguous and outlive its use."""
    return array.ctypes.data
