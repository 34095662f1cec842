"""The message table: every entry can be built, no number stands twice, every type is known."""

import pytest

from xdn.frontend.caffe.text import messages, schema

TABLES = (messages.CORE, messages.TRAINING, messages.LAYER_FIELDS, messages.OTHERS)


@pytest.mark.parametrize("table", TABLES)
def test_no_message_has_a_number_twice(table):
    for message, fields in schema.parse_table(table).items():
        numbers = [field.number for field in fields.values()]
        assert len(set(numbers)) == len(numbers), message


@pytest.mark.parametrize("table", TABLES)
def test_every_field_stands_in_the_schema_under_its_number(table):
    for message, fields in schema.parse_table(table).items():
        found = schema.classes()[message].DESCRIPTOR.fields_by_name
        assert {name: found[name].number for name in fields} == {name: f.number for name, f in fields.items()}


def test_the_private_number_is_free_and_allowed():
    used = schema.parse_table(messages.LAYER_FIELDS)["LayerParameter"].values()
    assert max(field.number for field in used) < messages.XDN_PARAM_NUMBER
    assert not 19000 <= messages.XDN_PARAM_NUMBER < 20000, "protobuf keeps these numbers for itself"
