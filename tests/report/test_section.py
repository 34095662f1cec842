"""Tables: which columns are to the left, and the same as Markdown."""

from tests.report.rendering import rendered, rows
from xdn.report.section import Section, table


def lines_of(*args, **kwargs):
    """Return the rendered lines of a table: title, header, rule, rows."""
    return [line for line in rendered(table(*args, **kwargs)).splitlines() if line.strip()]


def test_words_are_to_the_left_and_numbers_to_the_right():
    title, header, _, row = lines_of(("name", "what", "count"), [("a", "b", "1")], "Title", words=2)
    assert title.strip() == "Title"
    assert row.index("b") == header.index("what")
    assert row.index("1") == header.index("count") + len("count") - 1
    header, _, row = lines_of(("name", "count"), [("a", "1")])
    assert row.index("1") == header.index("count")


def test_text_is_not_markup():
    assert rows(table(("kind", "what it is"), [("y", "two [bold]")]))[-1] == ["y", "two [bold]"]


def test_a_section_is_markdown_too():
    section = Section("Networks", ("", "ms"), (("a", "1"),))
    assert section.markdown().splitlines() == ["## Networks", "", "|  | ms |", "| --- | ---: |", "| a | 1 |"]
    assert rows(section.table())[-1] == ["a", "1"]
