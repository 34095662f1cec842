"""Protobuf's messages from `open_inference.proto`, without generated code: the text is read as the program starts.

They are in a descriptor pool of their own, as a client in the same process may register the same names. What is read is
what that file needs of the language: proto3's messages, within each other, too, fields, maps, one `oneof`, enums that
stand before what uses them, and services.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

#: What has a meaning in the language's text; white space and comments are between.
_TOKEN = re.compile(r'\s*(?://[^\n]*\s*)*("[^"]*"|[\w.]+|[{}()<>,;=])')
_SCALARS = ("double", "float", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes")


@dataclass(frozen=True)
class Method:
    """A call of the service.

    Parameters
    ----------
    name : str
    request, response : class
        Of messages.
    streams : bool
        Whether both are streams; otherwise each is one message.
    """

    name: str
    request: Any
    response: Any
    streams: bool


@dataclass(frozen=True)
class Service:
    """What the protocol's file declares.

    Parameters
    ----------
    name : str
        With the package, as calls name it.
    methods : tuple of Method
    messages : mapping
        Name -> class, of messages that are not within others.
    """

    name: str
    methods: tuple[Method, ...]
    messages: Mapping[str, Any]


@cache
def service() -> Service:
    """Return the service of `open_inference.proto`, and its messages."""
    text = Path(__file__).with_name("open_inference.proto").read_text(encoding="utf-8")
    file = _Reader(text).file()
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    messages = {
        each.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{each.name}"))
        for each in file.message_type
    }
    (declared,) = file.service
    methods = (
        Method(each.name, messages[each.input_type], messages[each.output_type], each.client_streaming)
        for each in declared.method
    )
    return Service(f"{file.package}.{declared.name}", tuple(methods), messages)


class _Reader:
    """Reads a file of the language, token by token.

    Parameters
    ----------
    text : str
    """

    def __init__(self, text: str):
        self._tokens = _TOKEN.findall(text)[::-1]
        self._enums: set[str] = set()

    def file(self) -> descriptor_pb2.FileDescriptorProto:
        """Return the file's descriptor; types are named as they stand there."""
        file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", syntax="proto3")
        readers = {
            "syntax": lambda: self._take(3),
            "package": lambda: setattr(file, "package", self._take(2)[0]),
            "message": lambda: self._message(file.message_type.add()),
            "enum": lambda: self._enum(file.enum_type.add()),
            "service": lambda: self._service(file.service.add()),
        }
        while self._tokens:
            readers[self._next()]()
        return file

    def _next(self) -> str:
        return str(self._tokens.pop())

    def _take(self, count: int) -> list[str]:
        return [self._next() for _ in range(count)]

    def _message(self, message: descriptor_pb2.DescriptorProto) -> None:
        message.name, _ = self._take(2)
        while (token := self._next()) != "}":
            if token == "message":
                self._message(message.nested_type.add())
            elif token == "oneof":
                name, _ = self._take(2)
                message.oneof_decl.add(name=name)
                while (kind := self._next()) != "}":
                    self._field(message, kind).oneof_index = len(message.oneof_decl) - 1
            elif token == "map":
                self._map(message)
            elif token == "repeated":
                field = self._field(message, self._next())
                field.label = field.LABEL_REPEATED
            else:
                self._field(message, token)

    def _field(self, message: descriptor_pb2.DescriptorProto, kind: str) -> descriptor_pb2.FieldDescriptorProto:
        name, _, number, _ = self._take(4)
        field = _added(message, name, int(number), kind)
        if kind in self._enums:
            field.type = field.TYPE_ENUM
        return field

    def _enum(self, enum: descriptor_pb2.EnumDescriptorProto) -> None:
        enum.name, _ = self._take(2)
        self._enums.add(enum.name)
        while (name := self._next()) != "}":
            _, number, _ = self._take(3)
            enum.value.add(name=name, number=int(number))

    def _map(self, message: descriptor_pb2.DescriptorProto) -> None:
        """Read a map: on the wire, a repeated message of key and value."""
        _, key, _, value, _, name, _, number, _ = self._take(9)
        entry = message.nested_type.add(name="".join(map(str.capitalize, name.split("_"))) + "Entry")
        entry.options.map_entry = True
        _added(entry, "key", 1, key)
        _added(entry, "value", 2, value)
        field = _added(message, name, int(number), entry.name)
        field.label = field.LABEL_REPEATED

    def _service(self, made: descriptor_pb2.ServiceDescriptorProto) -> None:
        made.name, _ = self._take(2)
        while self._next() == "rpc":
            method = made.method.add(name=self._next())
            method.client_streaming, method.input_type = self._streamed()
            self._take(1)
            method.server_streaming, method.output_type = self._streamed()
            self._take(2)

    def _streamed(self) -> tuple[bool, str]:
        """Return whether a call's request or response, in parentheses, is a stream, and of what."""
        words = []
        while (token := self._next()) != ")":
            words.append(token)
        return "stream" in words, words[-1]


def _added(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str
) -> descriptor_pb2.FieldDescriptorProto:
    """Add a field that is one value; return it."""
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_OPTIONAL
    if kind in _SCALARS:
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, kind
    return field
