"""Protobuf's text format, read in one pass: errors know their place, and unknown fields can be passed over.

protobuf's own reader in Python takes seconds for a deep net, refuses a whole file for one unknown field or drops such
fields without a word, and has no bound of depth. Source of the grammar:
https://protobuf.dev/reference/protobuf/textformat-spec.

::

    message = { field [ "," | ";" ] }
    field   = name ":" ( scalar | list ) | name [ ":" ] ( body | list )
    body    = "{" message "}" | "<" message ">"
    list    = "[" [ element { "," element } ] "]"
    scalar  = string { string } | [ "-" ] number | [ "-" ] word
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from google.protobuf import text_encoding
from google.protobuf.descriptor import FieldDescriptor

from xdn import settings
from xdn.frontend.tokens import Token, Tokens
from xdn.registry import known_names, nearest

#: What plain Caffe cannot say may stand in several pieces, so that each is a line of its own.
_IN_PIECES = "xdn_param"

#: A protobuf message object; see `xdn.frontend.caffe.text.schema`.
Message = Any

_CLOSING = {"{": "}", "<": ">"}
_BOOLS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}
_D = FieldDescriptor
_RANGES = {
    _D.TYPE_INT32: range(-(1 << 31), 1 << 31),
    _D.TYPE_UINT32: range(1 << 32),
    _D.TYPE_INT64: range(-(1 << 63), 1 << 63),
}


@dataclass(frozen=True)
class Unknown:
    """A field that its message does not have, or a value that an enum does not have.

    Parameters
    ----------
    path : tuple of Message
        The messages that it stands in, from the outermost on.
    name : str
        The field.
    value : str, optional
        The value that its enum lacks.
    is_message : bool
        Whether what stands there is a message.
    where : str
        ``file:line:column``.
    """

    path: tuple[Message, ...]
    name: str
    where: str
    value: str | None = None
    is_message: bool = False


@cache
def _fields(descriptor: Any) -> Mapping[str, tuple[FieldDescriptor, bool]]:
    """Return field name -> (descriptor, whether it is repeated)."""
    return {field.name: (field, is_repeated(field)) for field in descriptor.fields}


def is_repeated(field: FieldDescriptor) -> bool:
    """Return whether a field may hold several values."""
    # protobuf's releases do not agree on how a descriptor says so.
    return bool(field.is_repeated) if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


@cache
def _enum_values(descriptor: Any) -> Mapping[str | int, int]:
    """Return the name or the number of an enum's value -> its number; protobuf's own table looks at 32 bits alone."""
    return {key: value.number for value in descriptor.values for key in (value.name, value.number)}


class _Reader:
    def __init__(self, text: str, file: str):
        self.tokens = Tokens(text, file)
        self.unknown: list[Unknown] = []
        self._path: list[Message] = []
        self._depth = self._messages = 0

    def read(self, message: Message) -> None:
        self._path.append(message)
        while self.tokens.current.kind != "end":
            self._field(message)

    def _pass(self, name: Token, value: str | None = None, is_message: bool = False) -> None:
        if len(self.unknown) == settings.MAX_UNKNOWN_FIELDS:
            raise self.tokens.error(f"more than {settings.MAX_UNKNOWN_FIELDS} unknown fields", name)
        self.unknown.append(Unknown(tuple(self._path), name.text, self.tokens.place(name), value, is_message))

    def _field(self, message: Message | None) -> None:
        """Read a field, into `message` where it has one of that name; go past all fields where `message` is None."""
        if self.tokens.current.kind != "word":
            raise self.tokens.expected("a field's name")
        name, colon = self.tokens.advance(), self.tokens.take(":")
        known = None if message is None else _fields(message.DESCRIPTOR).get(name.text)
        if known is not None:
            self._known(message, *known, name, colon)
        else:
            is_message = self._skip_value(colon)
            if message is not None:
                self._pass(name, is_message=is_message)
        if not self.tokens.take(","):
            self.tokens.take(";")

    def _known(self, message: Message, field: FieldDescriptor, repeated: bool, name: Token, colon: bool) -> None:
        if not repeated and message.HasField(field.name) and field.name != _IN_PIECES:
            what = f"{message.DESCRIPTOR.name} has the field {field.name!r} twice; it takes one"
            raise self.tokens.error(what, name)
        is_message = field.type == _D.TYPE_MESSAGE
        if not colon and not is_message:
            raise self.tokens.expected("':'")
        one = partial(self._message if is_message else self._scalar, message, field, repeated, name)
        if repeated and self.tokens.take("["):
            self._elements(one)
        else:
            one()

    def _elements(self, element: Callable[[], object]) -> None:
        """Read a list's elements up to its end; ``[`` is past."""
        if self.tokens.take("]"):
            return
        element()
        while not self.tokens.take("]"):
            if not self.tokens.take(","):
                raise self.tokens.expected("',' or ']'")
            element()

    def _message(self, message: Message, field: FieldDescriptor, repeated: bool, name: Token) -> None:
        self._messages += 1
        if self._messages > settings.MAX_PROTOTXT_MESSAGES:
            raise self.tokens.error(f"the text holds more than {settings.MAX_PROTOTXT_MESSAGES} messages", name)
        part = getattr(message, field.name)
        if repeated:
            part = part.add()
        else:
            part.SetInParent()
        self._path.append(part)
        self._body(part)
        self._path.pop()

    def _body(self, message: Message | None) -> None:
        """Read a message's fields, as `_field` does, with the brackets around them."""
        tokens = self.tokens
        opening = tokens.current
        if opening.kind != "symbol" or opening.text not in _CLOSING:
            raise tokens.expected("'{'")
        self._deeper()
        tokens.advance()
        while not tokens.take(_CLOSING[opening.text]):
            if tokens.current.kind == "end":
                raise tokens.error(f"the file ends before the {_CLOSING[opening.text]!r} of this message", opening)
            self._field(message)
        self._depth -= 1

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > settings.MAX_PROTOTXT_DEPTH:
            raise self.tokens.error(f"messages are nested more than {settings.MAX_PROTOTXT_DEPTH} deep")

    def _skip_value(self, colon: bool) -> bool:
        """Go past the value of an unknown field; return whether it is a message."""
        tokens = self.tokens
        if tokens.current.kind == "symbol" and tokens.current.text in _CLOSING:
            self._body(None)
            return True
        if tokens.take("["):
            found: list[bool] = []
            self._deeper()
            self._elements(lambda: found.append(self._skip_value(True)))
            self._depth -= 1
            return any(found)
        if not colon:
            raise tokens.expected("':' or '{'")
        if tokens.current.kind == "string":
            while tokens.current.kind == "string":
                tokens.advance()
            return False
        tokens.take("-")
        if tokens.current.kind not in ("word", "number"):
            raise tokens.expected("a value")
        tokens.advance()
        return False

    def _scalar(self, message: Message, field: FieldDescriptor, repeated: bool, name: Token) -> None:
        if field.type == _D.TYPE_STRING:
            value: Any = self._string(field)
        else:
            first = self.tokens.current
            negative = self.tokens.take("-")
            if field.type == _D.TYPE_ENUM and first.kind == "string":
                what, mend = explain(Unknown((message,), field.name, "", first.text[1:-1]))
                raise self.tokens.error(what, first, mend)
            if self.tokens.current.kind not in ("word", "number"):
                raise self.tokens.expected(f"a value of {field.name}")
            token = self.tokens.advance()
            if field.type == _D.TYPE_ENUM:
                value = _enum_number(field, token, negative)
                if value is None:
                    self._pass(name, value=token.text)
                    return
            else:
                value = self._number(field, first, token, negative)
        if repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)

    def _number(self, field: FieldDescriptor, first: Token, token: Token, negative: bool) -> bool | int | float:
        if field.type == _D.TYPE_BOOL:
            if negative or token.text not in _BOOLS:
                raise self.tokens.error(f"{field.name} is true or false, not {token.shown}", first)
            return _BOOLS[token.text]
        whole = field.type in _RANGES
        number = token.integer() if whole else token.real()
        if number is None:
            what = f"{field.name} is {'an integer' if whole else 'a number'}, not {token.shown}"
            raise self.tokens.error(what, first)
        number = -number if negative else number
        if whole and number not in _RANGES[field.type]:
            least, most = _RANGES[field.type][0], _RANGES[field.type][-1]
            raise self.tokens.error(f"{field.name} is {number:.40g}; it lies from {least} to {most}", first)
        return number

    def _string(self, field: FieldDescriptor) -> str:
        first = self.tokens.current
        if first.kind != "string":
            raise self.tokens.expected(f"the string of {field.name}")
        parts = []
        while self.tokens.current.kind == "string":
            parts.append(self.tokens.advance().text[1:-1])
        text = "".join(parts)
        if len(text) > settings.MAX_TOKEN_CHARACTERS:
            raise self.tokens.error(f"a string has more than {settings.MAX_TOKEN_CHARACTERS} characters", first)
        if "\\" not in text:
            return text
        try:
            return str(text_encoding.CUnescape(text), "utf-8")
        except (ValueError, UnicodeError):
            what = f"the string of {field.name} has an escape that does not give UTF-8 text"
            raise self.tokens.error(what, first) from None


def _enum_number(field: FieldDescriptor, token: Token, negative: bool) -> int | None:
    """Return the number of the enum's value that a token names, None for none."""
    said = token.integer() if token.kind == "number" else token.text
    return None if negative or said is None else _enum_values(field.enum_type).get(said)


def explain(unknown: Unknown) -> tuple[str, str | None]:
    """Return what is unknown, and the nearest that is known."""
    message = unknown.path[-1].DESCRIPTOR
    if unknown.value is None:
        close = nearest(unknown.name, list(message.fields_by_name))
        mend = f"The nearest known: {', '.join(close)}" if close else None
        return f"{message.name} has no field {unknown.name!r}", mend
    values = list(message.fields_by_name[unknown.name].enum_type.values_by_name)
    return f"{message.name}.{unknown.name} has no value {unknown.value!r}", known_names(unknown.value, values)


def read_text(text: str, message: Message, file: str) -> list[Unknown]:
    """Fill `message` from `text`; return what it holds that the schema does not know, in order.

    Parameters
    ----------
    text : str
    message : Message
        Empty.
    file : str
        The file's name, for errors.

    Raises
    ------
    ParseError
        With ``file:line:column``, where the text does not follow the format, or a value its field's type.
    """
    reader = _Reader(text, file)
    reader.read(message)
    return reader.unknown
