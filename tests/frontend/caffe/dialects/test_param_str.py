"""param_str of Python layers: the forms that are read, as PyYAML reads them, and the refusal of all others."""

import pytest

from xdn.errors import ParseError
from xdn.frontend.caffe.dialects.param_str import read_param_str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("'feat_stride': 16", {"feat_stride": 16}),
        ("'a': 16 \n'b': !!python/tuple [2, 4, 8]", {"a": 16, "b": (2, 4, 8)}),
        ("a: !!python/tuple\n- 4\n- 8.5\nb: !!seq\n  - .5\n  - 2.0e+1 # words\n", {"a": (4, 8.5), "b": (0.5, 20)}),
        ("{'a': 8, \"b\": [4, 8.5], c: (0.5, 1)}", {"a": 8, "b": (4, 8.5), "c": (0.5, 1)}),
        ("{'a':1,b: {c: []},}", {"a": 1, "b": {"c": ()}}),
        ("a: [1,\n 2, # more\n 3]\n\nb: 1", {"a": (1, 2, 3), "b": 1}),
        ("a: [[1, 2], [3]]", {"a": ((1, 2), (3,))}),
        ("  a: 1\n  b:\n    2\n  c:", {"a": 1, "b": 2, "c": None}),
        ("---\na: 1 # one\n# two\nb#: x#y", {"a": 1, "b#": "x#y"}),
        ("a: 1\na: 2", {"a": 2}),
        ("'it''s': \"x, y\"", {"it's": "x, y"}),
        ("a: !!float 8\nb: !!python/int 3", {"a": 8.0, "b": 3}),
        ("a: [1e3, 010, 0x10, 1_000, true, '4', C:/d]", {"a": ("1e3", "010", "0x10", "1_000", "true", "4", "C:/d")}),
        ("a: [-1, +2, -.5, 1., 0]", {"a": (-1, 2, -0.5, 1.0, 0)}),
    ],
)
def test_forms_that_are_read(text, expected):
    found = read_param_str(text)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a: !!python/object/apply:os.system ['true']",
        "a: !<tag:yaml.org,2002:python/tuple> [1]",
        "a: !!python/tuple 1",
        "a: !!python/tuple[1]",
        "a: !!int word",
        "a: &x [1]",
        "a: *x",
        "a: |\n  text",
        "a: 1, b: 2",
        "a: 1\n b: 2",
        "  a: 1\nb: 2",
        "a: b c",
        "a: - 1",
        "a:\n- 1 2",
        "a:\n  b: 1",
        "a: 1\n---\nb: 2",
        "a: [1",
        "a: [1 2]",
        "a: [1, 2)",
        "a: 'x",
        'a: "\\x41"',
        "a\t: 1",
        "{a: 1} b",
        "{",
        "[1, 2]",
        "16",
        "? a",
        "a: " + "[" * 20 + "]" * 20,
        "a: [" + "1," * 10000 + "]",
    ],
)
def test_all_else_is_refused(text):
    with pytest.raises(ParseError, match="param_str"):
        read_param_str(text)


def test_a_number_beyond_all_bounds_is_a_word():
    assert read_param_str("a: " + "9" * 5000) == {"a": "9" * 5000}


def test_the_line_of_an_error():
    with pytest.raises(ParseError, match="param_str, line 3: expected ',' or '\\]', found '2'"):
        read_param_str("a: 1\nb: [\n1 2]")
