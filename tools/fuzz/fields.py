"""Change the fields of protobuf messages: every input can be decoded, so that all of them reach what comes after."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from tools.fuzz.mutate import MOST_BYTES, NUMBERS, how_many
from xdn.frontend.textformat import is_repeated

#: A protobuf message object.
Message = Any
_D = FieldDescriptor

_REALS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-45, 3e38, inf, -inf, nan)
_STRINGS = ("", "x", "../x", "\N{LATIN SMALL LETTER A WITH DIAERESIS}", "a" * 300)
_BITS = {_D.CPPTYPE_INT32: (32, True), _D.CPPTYPE_INT64: (64, True)} | {
    _D.CPPTYPE_UINT32: (32, False),
    _D.CPPTYPE_UINT64: (64, False),
}
#: The share of changes that give a message a field that it lacks.
_NEW = 0.2
#: What elements are repeated, as often.
_TIMES = (1, 1, 1, 2, 30)


def changed(seeds: Sequence[Message], words: Sequence[str], write: Callable[[Message], bytes], rng: Random) -> bytes:
    """Return one of `seeds` with one to eight of its fields changed, as `write` makes it bytes.

    Parameters
    ----------
    seeds : sequence of Message
    words : sequence of str
        What strings may become, beside the strings of the message.
    write : callable
    rng : Random
    """
    seed = rng.choice(seeds)
    # What is copied comes from the seed: no message may be copied into itself.
    made, found = _copy(seed), _Found.of(list(_places(seed)), words)
    places = list(_places(made))
    for _ in range(how_many(rng)):
        owner, field = rng.choice(places)
        if rng.random() < _NEW:
            field = rng.choice(owner.DESCRIPTOR.fields)
        _change(owner, field, found, rng)
    return write(made)


def _copy(message: Message) -> Message:
    made = type(message)()
    made.CopyFrom(message)
    return made


def _places(message: Message) -> Iterator[tuple[Message, FieldDescriptor]]:
    """Yield every field that is set, at any depth, with the message that it is of."""
    for field, value in message.ListFields():
        yield message, field
        if field.type == _D.TYPE_MESSAGE:
            for part in value if is_repeated(field) else (value,):
                yield from _places(part)


@dataclass(frozen=True)
class _Found:
    """What a message holds, for its other fields: messages by the name of their type, and strings."""

    messages: Mapping[str, list[Message]]
    strings: list[str]

    @classmethod
    def of(cls, places: Sequence[tuple[Message, FieldDescriptor]], words: Sequence[str]) -> "_Found":
        """Return what stands at `places`, and `words`."""
        messages, strings = defaultdict(list), [*_STRINGS, *words]
        for owner, field in places:
            value = getattr(owner, field.name)
            each = list(value) if is_repeated(field) else [value]
            if field.type == _D.TYPE_MESSAGE:
                messages[field.message_type.full_name] += each
            elif field.type == _D.TYPE_STRING:
                strings += each
        return cls(messages, strings)


def _change(owner: Message, field: FieldDescriptor, found: _Found, rng: Random) -> None:
    """Take a field out, or give it another value; of a repeated one also change which elements there are."""
    if rng.random() < 0.1:
        owner.ClearField(field.name)
    elif is_repeated(field):
        _change_elements(getattr(owner, field.name), field, found, rng)
    elif field.type == _D.TYPE_MESSAGE:
        getattr(owner, field.name).SetInParent()
        for other in found.messages.get(field.message_type.full_name, ())[:1]:
            getattr(owner, field.name).CopyFrom(other)
    else:
        setattr(owner, field.name, _value(field, getattr(owner, field.name), found, rng))


def _change_elements(values: Any, field: FieldDescriptor, found: _Found, rng: Random) -> None:
    """Remove, repeat, reverse or replace elements, or add one."""
    way = rng.choice(("remove", "repeat", "reverse", "replace", "replace", "add"))
    at = rng.randrange(len(values)) if values else 0
    if way == "remove" and values:
        del values[at]
    elif way == "repeat" and values:
        is_message = field.type == _D.TYPE_MESSAGE
        element, size = (_copy(values[at]), values[at].ByteSize()) if is_message else (values[at], 8)
        values.extend([element] * min(rng.choice(_TIMES), MOST_BYTES // (8 * size + 8)))
    elif way == "reverse":
        values.reverse()
    elif field.type == _D.TYPE_MESSAGE:
        others = found.messages.get(field.message_type.full_name)
        part = values[at] if values and way == "replace" else values.add()
        if others:
            part.CopyFrom(rng.choice(others))
    elif values and way == "replace":
        values[at] = _value(field, values[at], found, rng)
    else:
        values.append(_value(field, values[at] if values else field.default_value or 0, found, rng))


def _value(field: FieldDescriptor, before: Any, found: _Found, rng: Random) -> Any:
    """Return another value of a field that holds no message."""
    if field.type == _D.TYPE_BYTES:
        content = before or b""
        at = rng.randrange(len(content) + 1)
        return rng.choice((content[:at], content + content[at:], content[:at] + b"\xff" + content[at + 1 :]))
    if field.type == _D.TYPE_STRING:
        return rng.choice(found.strings)
    if field.type == _D.TYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    if field.type == _D.TYPE_BOOL:
        return not before
    if field.cpp_type not in _BITS:
        return rng.choice(_REALS)
    bits, signed = _BITS[field.cpp_type]
    number = rng.choice((before + 1, before - 1, -before, rng.choice(NUMBERS))) % (1 << bits)
    return number - (1 << bits) if signed and number >> (bits - 1) else number
