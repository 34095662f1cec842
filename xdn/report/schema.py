"""The JSON schema of results, made of the classes in `xdn/report/documents.py` and what their docstrings say."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from xdn.evaluate.origin import FORMAT
from xdn.report.documents import KINDS

PATH = Path(__file__).with_name("result-1.schema.json")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}
#: The line that names fields in a docstring's list of parameters.
_NAMES = re.compile(r"^(\w+(?:, \w+)*) : ")


def result_schema() -> dict[str, Any]:
    """Return the schema of all results of the format: `kind` says which of its definitions one follows."""
    made = _Definitions()
    cases = [
        {"if": {"properties": {"kind": {"const": name}}}, "then": made.reference(kind)} for name, kind in KINDS.items()
    ]
    return {
        "$schema": _DIALECT,
        "title": FORMAT,
        "description": "What a command of XDN found, as --json writes it. Further fields may be there.",
        "type": "object",
        "properties": {"format": {"const": FORMAT}, "kind": {"type": "string"}},
        "required": ["format", "kind"],
        "allOf": cases,
        "$defs": dict(sorted(made.found.items())),
    }


@dataclass
class _Definitions:
    """Schemas of dataclasses, by their names, as far as they were asked for."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def reference(self, kind: type) -> dict[str, Any]:
        """Return a reference to the schema of a dataclass, which is made at the first one."""
        name = kind.__name__
        if name not in self.found:
            self.found[name] = {}
            self.found[name] = self._object(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, kind: type) -> dict[str, Any]:
        hints, told = get_type_hints(kind), _descriptions(kind)
        properties, required = {}, []
        for each in fields(kind):
            schema = self._value(hints[each.name])
            properties[each.name] = schema | ({"description": told[each.name]} if told.get(each.name) else {})
            if each.default is MISSING and each.default_factory is MISSING:
                required.append(each.name)
        about = cleandoc(kind.__doc__ or "").split("\n\n")[0]
        return {"type": "object", "description": about, "properties": properties, "required": required}

    def _value(self, hint: Any) -> dict[str, Any]:
        """Return the schema of a field's JSON value."""
        if hint is Any:
            return {}
        kind, of = get_origin(hint) or hint, get_args(hint)
        if kind in (Union, UnionType):
            (inner,) = (part for part in of if part is not NoneType)
            return {"anyOf": [self._value(inner), {"type": "null"}]}
        if is_dataclass(kind):
            return self.reference(kind)  # type: ignore[arg-type]
        if issubclass(kind, Mapping):
            return {"type": "object", "additionalProperties": self._value(of[1])}
        if kind is tuple and of[-1] is Ellipsis:
            return {"type": "array", "items": self._value(of[0])}
        if kind is tuple:
            return {"type": "array", "prefixItems": [self._value(each) for each in of], "items": False}
        return {"type": _TYPES[kind]}


def _descriptions(kind: type) -> dict[str, str]:
    """Return field -> what the docstrings of a class, and of those that it is made of, say of it."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        text = cleandoc(each.__doc__ or "") if is_dataclass(each) else ""
        names: list[str] = []
        for line in text.partition("Parameters\n----------\n")[2].splitlines():
            if match := _NAMES.match(line):
                names = match[1].split(", ")
                told.update(dict.fromkeys(names, ""))
            elif line.strip() and not line.startswith(" "):
                names = []
            for name in names if line.startswith(" ") else ():
                told[name] = f"{told[name]} {line.strip()}".strip()
    return told
