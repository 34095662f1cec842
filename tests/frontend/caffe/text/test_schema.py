"""The schema: what Caffe's own numbers are, what registered layers bring, and that it is free of clashes."""

from google.protobuf import text_format

from xdn.frontend.caffe.text import messages, schema
from xdn.layers.base import LAYERS, Field


def test_every_registered_layer_stands_in_the_schema():
    layer = schema.classes()["LayerParameter"].DESCRIPTOR
    for _, cls in LAYERS.items():
        if cls.message is None:
            continue
        field = layer.fields_by_name[cls.message.field]
        assert (field.number, field.message_type.name) == (cls.message.number, cls.message.name)
        for name, kept in (*cls.proto_fields().items(), *cls.unused.items()):
            assert field.message_type.fields_by_name[name].number == kept.number


def test_no_field_of_the_table_is_lost_to_another_with_its_number():
    for text in messages.TABLES:
        for message, fields in schema.parse_table(text).items():
            assert fields.keys() <= set(schema.classes()[message].DESCRIPTOR.fields_by_name.keys()), message


def test_v1_names_of_the_layers_are_those_of_the_enum():
    known = schema.v1_types()
    found = {cls.v1_name: cls.type for _, cls in LAYERS.items() if cls.v1_name}
    assert found
    assert {name: known[name][1] for name in found} == found


def test_a_registered_field_goes_before_the_table():
    table = {"M": {"a": Field(1, "int32")}}
    merged = schema.merge([table, {"M": {"a": Field(1, "string"), "b": Field(1, "float"), "c": Field(2, "float")}}])
    assert merged == {"M": {"a": Field(1, "int32"), "c": Field(2, "float")}}


def test_two_enums_of_one_message_may_share_a_name():
    values = {"DEFAULT": 0, "X": 1}
    made = schema.build({"M": {"a": Field(1, "enum", values=values), "b": Field(2, "enum", values=values)}})
    message = text_format.Parse("a: X b: DEFAULT", made["M"]())
    assert (message.a, message.b) == (1, 0)


def test_table_notation():
    table = schema.parse_table("M int32 a=1 f=6 float* b=2 A|B c=3 A@3|B@7* d=4 BBOX@0 e=5 message roi_data_param=7\n")
    assert table["M"] == {
        "a": Field(1, "int32"),
        "f": Field(6, "int32"),
        "b": Field(2, "float", True),
        "c": Field(3, "enum", values={"A": 0, "B": 1}),
        "d": Field(4, "enum", True, values={"A": 3, "B": 7}),
        "e": Field(5, "enum", values={"BBOX": 0}),
        "roi_data_param": Field(7, "RoiDataParameter"),
    }


def test_public_caffemodel_parses_by_the_schema(material):
    """A file that Caffe wrote, read by protobuf with our numbers: names, types and V1's numbers are where they are."""
    content = material("models", "cifar10_full", "cifar10_full.caffemodel").read_bytes()
    net = schema.new("NetParameter")
    net.MergeFromString(content)
    names = {entry.name: number for number, entry in ((e.number, e) for e in _v1_enum().values)}
    assert [(la.name, la.type) for la in net.layers if la.blobs] == [
        ("conv1", names["CONVOLUTION"]),
        ("conv2", names["CONVOLUTION"]),
        ("conv3", names["CONVOLUTION"]),
        ("ip1", names["INNER_PRODUCT"]),
    ]
    conv = net.layers[1].convolution_param
    assert (conv.num_output, list(conv.pad), list(conv.kernel_size)) == (32, [2], [5])


def _v1_enum():
    return schema.classes()["V1LayerParameter"].DESCRIPTOR.fields_by_name["type"].enum_type
