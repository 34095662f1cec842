"""What must hold of every registered layer type."""

import re
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

import xdn.layers
from tests.layers.opencv import schema
from xdn.graph import ChannelRule
from xdn.layers.base import LAYERS

TYPES = sorted({cls.type: cls for _, cls in LAYERS.items()}.items())
Proto = descriptor_pb2.FieldDescriptorProto

#: Fields that OpenCV's caffe.proto lacks or numbers otherwise, with the reason.
NOT_IN_OPENCV = {
    ("PoolingParameter", "round_mode"): "a field of newer Caffe, 13 there",
    ("PoolingParameter", "ceil_mode"): "OpenCV gives it 13, which Caffe gave to round_mode",
}
CODES = {
    "bool": Proto.TYPE_BOOL,
    "int32": Proto.TYPE_INT32,
    "uint32": Proto.TYPE_UINT32,
    "float": Proto.TYPE_FLOAT,
    "string": Proto.TYPE_STRING,
    "enum": Proto.TYPE_ENUM,
}


def test_every_file_has_its_test():
    here = Path(__file__).parent
    sources = {path.stem for path in Path(xdn.layers.__file__).parent.glob("*.py")} - {"__init__"}
    assert sources - {path.stem.removeprefix("test_") for path in here.glob("test_*.py")} == set()


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_one_file_a_type(name, cls):
    assert cls.__module__ == f"xdn.layers.{name.lower()}"


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_documented(name, cls):
    assert re.match(rf"{cls.__name__}: .+[.:)]", cls.__doc__ or "")
    assert LAYERS[name] is cls
    for rule in (cls.infer, cls.reference):
        assert rule.__doc__


@pytest.mark.parametrize(("name", "cls"), TYPES)
def test_an_absent_message_has_every_default(name, cls):
    params = cls()
    assert isinstance(params.channel_rule, ChannelRule)
    for field, described in cls.proto_fields().items():
        assert getattr(params, field) == described.default


def _message(name):
    return next(message for message in schema().message_type if message.name == name)


def _default(field):
    """Return a field's default in OpenCV's schema, as Python writes it; None where it states none."""
    if not field.HasField("default_value"):
        return None
    if field.type == Proto.TYPE_BOOL:
        return field.default_value == "true"
    return field.default_value if field.type == Proto.TYPE_ENUM else float(field.default_value)


@pytest.mark.parametrize(("name", "cls"), [(n, c) for n, c in TYPES if c.message is not None])
def test_the_schema_is_caffes(name, cls):
    """Names, numbers, types and defaults agree with the caffe.proto that OpenCV's library holds."""
    for owner, number in (("LayerParameter", cls.message.number), ("V1LayerParameter", cls.message.v1_number)):
        known = [field for field in _message(owner).field if field.name == cls.message.field]
        assert [field.number for field in known] == ([number] if number else [])
        assert [field.type_name.rpartition(".")[2] for field in known] == [cls.message.name] * len(known)
    theirs = {field.name: field for field in _message(cls.message.name).field}
    for field, ours in (cls.proto_fields() | dict(cls.unused)).items():
        if (cls.message.name, field) in NOT_IN_OPENCV:
            continue
        other = theirs[field]
        assert (field, ours.number) == (field, other.number)
        assert ours.repeated == (other.label == Proto.LABEL_REPEATED)
        assert CODES.get(ours.type, Proto.TYPE_MESSAGE) == other.type
        if CODES.get(ours.type) is None:
            assert other.type_name.rpartition(".")[2] == ours.type
        if field in cls.proto_fields() and ours.default is not None and _default(other) is not None:
            assert ours.default == _default(other)


def test_v1_names_are_caffes():
    enum = next(e for e in _message("V1LayerParameter").enum_type if e.name == "LayerType")
    known = {value.name for value in enum.value}
    named = {cls.v1_name for _, cls in TYPES if cls.v1_name}
    assert named <= known
    # None is left out: every V1 name that looks like a type of ours is one.
    assert {cls.type.upper() for _, cls in TYPES} & known <= named
