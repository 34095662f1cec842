"""The values of messages: in Python's own types, and from one message to another."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from xdn.frontend.caffe.text.schema import Message, new


def shortest(value: float) -> float:
    """Return the shortest decimal that rounds to the f32 `value`: 1e-05 and not 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def is_many(value: Any) -> bool:
    """Return whether a field's value is that of a repeated one; on descriptors protobuf's releases do not agree."""
    return hasattr(value, "extend")


def values_of(message: Message) -> dict[str, Any]:
    """Return the fields that `message` has: an enum as its name, f32 as its shortest decimal, a message as a dict."""
    return {
        field.name: [_plain(field, each) for each in value] if is_many(value) else _plain(field, value)
        for field, value in message.ListFields()
    }


def fields_of(message: Message, cls: type) -> dict[str, Any]:
    """Return the fields of the dataclass `cls` that `message` has, as values that do not change: no lists, no dicts.

    Of a BlobShape the value is the tuple of its extents, of another message that of its (field, value) pairs.
    """
    wanted = {field.name for field in dataclasses.fields(cls)}
    return {name: _frozen(value) for name, value in values_of(message).items() if name in wanted}


def _frozen(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() != {"dim"}:
        return tuple((name, _frozen(each)) for name, each in value.items())
    if isinstance(value, dict):
        value = value["dim"]
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def put(message: Message, name: str, value: Any) -> None:
    """Set the field `name` of `message`: a repeated one gets `value`, or what is in it, added, a message a copy."""
    held = getattr(message, name)
    if is_many(held):
        held.extend(value if is_many(value) else [value])
    elif hasattr(held, "CopyFrom"):
        held.CopyFrom(value)
    else:
        setattr(message, name, value)


def with_layers(net: Message, field: str, layers: Iterable[Message]) -> Message:
    """Return a copy of the NetParameter `net` that has `layers` in the field that its own are in."""
    made = new("NetParameter")
    made.CopyFrom(net)
    made.ClearField(field)
    getattr(made, field).extend(layers)
    return made


def _plain(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if field.message_type is not None:
        return values_of(value)
    return shortest(value) if isinstance(value, float) else value
