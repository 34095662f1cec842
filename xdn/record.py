"""Result dataclasses as JSON values, and back."""

import reprlib
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from xdn.errors import DataError

T = TypeVar("T")


def rebuilt(kind: type[T], document: Mapping[str, Any], where: str = "") -> T:
    """Return the dataclass that `dataclasses.asdict` and JSON made `document` of; keys that it has not are left out.

    Fields may be numbers, text, other dataclasses, tuples of such, and None.

    Raises
    ------
    DataError
        A field is missing or has another type; the message names it.
    """
    hints = get_type_hints(kind)
    found = {}
    for each in fields(kind):  # type: ignore[arg-type]
        path = f"{where}.{each.name}" if where else each.name
        if each.name not in document:
            raise DataError("the field is missing", where=path)
        found[each.name] = _value(hints[each.name], document[each.name], path)
    return kind(**found)


def _value(kind: Any, value: Any, path: str) -> Any:
    """Return a JSON value as the annotated type `kind`."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in parts if part is not type(None))
        return None if value is None else _value(inner, value, path)
    if origin is tuple and isinstance(value, list):
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(kinds) == len(value):
            return tuple(_value(k, v, f"{path}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    elif is_dataclass(kind) and isinstance(value, Mapping):
        return rebuilt(kind, value, path)  # type: ignore[arg-type]
    elif kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1 << 53:
        return float(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    raise DataError(f"{reprlib.repr(value)} is not of the type {getattr(kind, '__name__', kind)}", where=path)
