"""Dataclasses from JSON values, by the types of their fields."""

import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from xdn.errors import XdnError

T = TypeVar("T")

#: What a JSON value of a type is called.
_KINDS = {
    str: "a text",
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    tuple: "a list of the right length",
}
#: Larger whole numbers are not all numbers of f64.
_MOST = 1 << 53


@dataclass(frozen=True)
class Reader:
    """How records are read.

    Parameters
    ----------
    error : class
        Of what is raised; it names the place within the document.
    whole : bool
        Every field must be there, and further ones, of a later version, are passed over. Otherwise fields that have a
        default may be missing, and unknown ones are refused.
    lenient : bool
        Fields that have a default may be missing, and unknown ones are passed over.
    """

    error: type[XdnError]
    whole: bool = False
    lenient: bool = False

    def read(self, kind: type[T], document: Any, where: str = "") -> T:
        """Return the dataclass whose fields a JSON object holds.

        Fields may be numbers, text, truth values, other dataclasses, tuples and mappings of such, and None; of a field
        that may be anything (``Any``) the JSON value is taken as it is.
        """
        form, values = _form(kind), {}  # type: ignore[arg-type]
        for name, value in self._object(document, where).items():
            if name in form.hints:
                values[name] = self._value(form.hints[name], value, _within(where, name))
            elif not (self.whole or self.lenient):
                raise self.error("unknown field", where=_within(where, name), mend=f"Known: {', '.join(form.hints)}")
        for name in form.hints if self.whole else form.needed:
            if name not in values:
                raise self.error("the field is missing", where=_within(where, name))
        return kind(**values)

    def _object(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self.error(f"{reprlib.repr(value)} is not a JSON object", where=where)
        return value

    def _value(self, hint: Any, value: Any, where: str) -> Any:
        """Return the JSON value of a field with a type hint."""
        kind, of = _parted(hint)
        if kind is Any:
            return value
        if kind is Union:
            return None if value is None else self._value(of[0], value, where)
        if kind is dataclass:
            return self.read(hint, value, where)
        if kind is Mapping:
            named = self._object(value, where)
            return {name: self._value(of[1], each, _within(where, name)) for name, each in named.items()}
        if kind is tuple and isinstance(value, list):
            kinds = [of[0]] * len(value) if of[-1] is Ellipsis else of
            if len(kinds) == len(value):
                each = enumerate(zip(kinds, value, strict=True))
                return tuple([self._value(part, item, f"{where}[{number}]") for number, (part, item) in each])
        elif kind is float and type(value) is int and abs(value) <= _MOST:
            return float(value)
        elif kind is not tuple and type(value) is kind:
            return value
        raise self.error(f"{reprlib.repr(value)} is not {_KINDS[kind]}", where=where)


@dataclass(frozen=True)
class _Form:
    """Of a dataclass: the types of its fields, and the names of those that have no default."""

    hints: Mapping[str, Any]
    needed: tuple[str, ...]


@cache
def _form(kind: type) -> _Form:
    """Return the form of a dataclass."""
    without = (each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)
    return _Form(get_type_hints(kind), tuple(without))


@cache
def _parted(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return what kind of values a type hint allows, and its parts: of what may be None, what else it may be."""
    kind, of = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):
        (inner,) = (part for part in of if part is not NoneType)
        return Union, (inner,)
    if isinstance(kind, type) and is_dataclass(kind):
        return dataclass, of
    return (Mapping if isinstance(kind, type) and issubclass(kind, Mapping) else kind), of


def _within(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
