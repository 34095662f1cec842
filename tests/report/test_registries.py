"""Tables of the registries."""

from tests.report.rendering import rows
from xdn.layers import LAYERS
from xdn.report.registries import registry_table, registry_tables


def test_a_row_a_name_with_its_first_line():
    header, _, *found = rows(registry_table(LAYERS.kind, LAYERS.describe()))
    assert header == ["layer type", "what it is"]
    assert [row[0] for row in found] == list(LAYERS)
    assert dict(map(tuple, found))["Split"].startswith("Split: every top is the bottom")


def test_one_table_a_registry():
    tables = registry_tables({"a": [("x", "one")], "b": [("y", "two [bold]")]})
    assert [rows(table)[-1] for table in tables] == [["x", "one"], ["y", "two [bold]"]]
