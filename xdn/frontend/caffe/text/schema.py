"""Caffe's schema as protobuf classes, built at run time from the message table and the registry of layers."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from xdn.frontend.caffe.text import messages
from xdn.layers.base import LAYERS, Field

#: A protobuf message object. Its classes are made at run time, so it has no static type.
Message = Any
Table = dict[str, dict[str, Field]]

PACKAGE = "caffe"
_SCALARS = ("bool", "int32", "uint32", "int64", "float", "double", "string")


def v1_types() -> dict[str, tuple[int, str]]:
    """Return V1's type enum: name -> (number, the type's name in the current format)."""
    entries = (entry.split(":") for entry in messages.V1_TYPES.split())
    return {name: (number, kind) for number, (name, kind) in enumerate(entries)}


def _enum_values(text: str) -> dict[str, int]:
    """Read ``A|B`` (numbered from 0) or ``A@1|B@2``."""
    if text == "V1_TYPES":
        return {name: number for name, (number, _) in v1_types().items()}
    numbered = (entry.partition("@") for entry in text.split("|"))
    return {name: int(number or index) for index, (name, _, number) in enumerate(numbered)}


def _message_called(field: str) -> str:
    """Return the message that a field such as ``data_param`` is called after."""
    return "".join(word.capitalize() for word in field.removesuffix("_param").split("_")) + "Parameter"


def parse_table(text: str) -> Table:
    """Read the notation of `xdn.frontend.caffe.text.messages` into message -> field name -> field."""
    table: Table = {}
    for line in text.split("\n"):
        message, *words = line.split() or [""]
        for word in words:
            name, _, number = word.partition("=")
            if not number:
                kind, repeated = word.rstrip("*"), word.endswith("*")
                is_enum = "|" in kind or "@" in kind or kind == "V1_TYPES"
                values = _enum_values(kind) if is_enum else None
                continue
            type_ = "enum" if is_enum else _message_called(name) if kind == "message" else kind
            table.setdefault(message, {})[name] = Field(int(number), type_, repeated, values)
    return table


def _layer_messages() -> Table:
    """Return the messages that the registered layers bring, with the fields that point to them."""
    table: Table = {"LayerParameter": {}, "V1LayerParameter": {}}
    for _, layer in LAYERS.items():
        message = layer.message
        if message is None:
            continue
        table["LayerParameter"][message.field] = Field(message.number, message.name)
        # In V1's text forks wrote them, too; under which number nobody tells.
        table["V1LayerParameter"][message.field] = Field(message.v1_number or message.number, message.name)
        table.setdefault(message.name, {}).update({**layer.unused, **layer.proto_fields()})
    return table


def merge(tables: Iterable[Table]) -> Table:
    """Join tables; the first to name a field or to take its number has it."""
    merged: Table = {}
    for table in tables:
        for message, fields in table.items():
            known = merged.setdefault(message, {})
            taken = {field.number for field in known.values()}
            for name, field in fields.items():
                if name not in known and field.number not in taken:
                    known[name] = field
    return merged


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, field: Field) -> None:
    proto = message.field.add(name=name, number=field.number)
    proto.label = proto.LABEL_REPEATED if field.repeated else proto.LABEL_OPTIONAL
    if field.values is not None:
        # Each enum gets a scope of its own: protobuf's enum values are siblings of their enum, and two enums
        # of one message may share a name such as DEFAULT.
        scope = message.nested_type.add(name=f"{name}_scope")
        enum = scope.enum_type.add(name="Value")
        for value, number in field.values.items():
            enum.value.add(name=value, number=number)
        proto.type = proto.TYPE_ENUM
        proto.type_name = f".{PACKAGE}.{message.name}.{scope.name}.Value"
    elif field.type in _SCALARS:
        proto.type = proto.Type.Value(f"TYPE_{field.type.upper()}")
    else:
        proto.type = proto.TYPE_MESSAGE
        proto.type_name = f".{PACKAGE}.{field.type}"


def build(table: Mapping[str, Mapping[str, Field]]) -> dict[str, type]:
    """Return message name -> protobuf class for `table`, in a descriptor pool of its own."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package=PACKAGE, syntax="proto2")
    for message, fields in table.items():
        proto = file.message_type.add(name=message)
        for name, field in sorted(fields.items(), key=lambda item: item[1].number):
            _add_field(proto, name, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in table}


@functools.cache
def classes() -> Mapping[str, type]:
    """Return message name -> protobuf class of the whole schema, registered layers included."""
    own = {"LayerParameter": {"xdn_param": Field(messages.XDN_PARAM_NUMBER, "XdnParameter")}}
    return build(merge([_layer_messages(), own, *(parse_table(text) for text in messages.TABLES)]))


def is_text(message: str, field: str) -> bool:
    """Return whether a field of the message type called `message` holds a text, which files write in quotes."""
    descriptor = classes()[message].DESCRIPTOR.fields_by_name[field]  # type: ignore[attr-defined]
    return bool(descriptor.type == descriptor.TYPE_STRING)


def place_of(layer: Message) -> str:
    """Return a LayerParameter as errors name it."""
    return f"layer {layer.name!r} ({layer.type})"


def new(message: str, **fields: Any) -> Message:
    """Return a message of the type called `message`, such as ``"NetParameter"``, with `fields` that are not None."""
    return classes()[message](**fields)
