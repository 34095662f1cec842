"""Dataclasses from JSON values, by the types of their fields."""

import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
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
        hints, values = get_type_hints(kind), {}
        for name, value in self._object(document, where).items():
            if name in hints:
                values[name] = self._value(hints[name], value, _within(where, name))
            elif not (self.whole or self.lenient):
                raise self.error("unknown field", where=_within(where, name), mend=f"Known: {', '.join(hints)}")
        for each in fields(kind):  # type: ignore[arg-type]
            needed = self.whole or (each.default is MISSING and each.default_factory is MISSING)
            if needed and each.name not in values:
                raise self.error("the field is missing", where=_within(where, each.name))
        return kind(**values)

    def _object(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self.error(f"{reprlib.repr(value)} is not a JSON object", where=where)
        return value

    def _value(self, hint: Any, value: Any, where: str) -> Any:
        """Return the JSON value of a field with a type hint."""
        if hint is Any:
            return value
        kind, of = get_origin(hint) or hint, get_args(hint)
        if kind in (Union, UnionType):
            (inner,) = (part for part in of if part is not NoneType)
            return None if value is None else self._value(inner, value, where)
        if isinstance(kind, type) and is_dataclass(kind):
            return self.read(kind, value, where)
        if issubclass(kind, Mapping):
            named = self._object(value, where)
            return {name: self._value(of[1], each, _within(where, name)) for name, each in named.items()}
        if kind is tuple and isinstance(value, list):
            kinds = [of[0]] * len(value) if of[-1] is Ellipsis else list(of)
            if len(kinds) == len(value):
                each = enumerate(zip(kinds, value, strict=True))
                return tuple(self._value(part, item, f"{where}[{number}]") for number, (part, item) in each)
        elif kind is float and type(value) is int and abs(value) <= _MOST:
            return float(value)
        elif kind is not tuple and type(value) is kind:
            return value
        raise self.error(f"{reprlib.repr(value)} is not {_KINDS[kind]}", where=where)


def _within(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
