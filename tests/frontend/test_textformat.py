"""The text format against protobuf's own reader: the same messages, and errors for the same texts."""

import math

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xdn.settings
from xdn.errors import ParseError
from xdn.frontend.caffe.text import schema
from xdn.frontend.textformat import explain, read_text


def ours(text, message="NetParameter"):
    made = schema.new(message)
    unknown = read_text(text, made, "f")
    return made, unknown


def theirs(text, message="NetParameter"):
    made = schema.new(message)
    text_format.Parse(text, made)
    return made


ACCEPTED = [
    "",
    "# nothing\n",
    'name: "a" "b" \'c\'',
    "name: 'it\\'s \\x41 \\101 \\n \\t \\\\'",
    'name: "\\303\\244 ä"',
    "force_backward: true",
    "force_backward: t",
    "force_backward: 0",
    "input_dim: 1 input_dim: -2 input_dim: 0x10 input_dim: 010",
    "input_dim: [1, 2, 3] input_dim: []",
    "state { phase: TEST level: -3 }",
    "state { phase: 0 }",
    "layer { } layer: { } layer < name: 'x' > layer: [{ name: 'a' }, { name: 'b' }]",
    "layer { name: 'x', type: 'y'; top: 'z' }",
    "layer { loss_weight: 1 loss_weight: 1.5 loss_weight: .5 loss_weight: -1e3 loss_weight: 2f loss_weight: inf }",
    "layer { loss_weight: [1, -inf] }",
    "layer { convolution_param { kernel_size: 3 kernel_size: 5 bias_term: false } }",
]
REFUSED = [
    "name",
    "name:",
    "name: 3",
    "name: 'a' name: 'b'",
    "name 'a'",
    "force_backward: 2",
    "force_backward: -1",
    "input_dim: 1.5",
    "input_dim: 2147483648",
    "input_dim: [1 2]",
    "input_dim: [1, ]",
    "layer {",
    "layer { >",
    "layer }",
    "layer: 3",
    "state { phase: MAYBE }",
    "state { phase: 7 }",
    "state { } state { }",
    "layer { loss_weight: abc }",
    "layer { loss_weight: 1.2.3 }",
    "layer { convolution_param { num_output: -1 } }",
    "name: 'a",
    "name: 'a\nb'",
    "[caffe.x]: 3",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_the_same_message(text):
    made, unknown = ours(text)
    assert made == theirs(text)
    assert unknown == []


@pytest.mark.parametrize("text", REFUSED)
def test_the_same_refusals(text):
    with pytest.raises(text_format.ParseError):
        theirs(text)
    try:
        made, unknown = ours(text)
    except ParseError:
        return
    # An unknown value of an enum is reported, and left to the caller.
    assert [each.value for each in unknown] in (["MAYBE"], ["7"])
    assert not made.state.HasField("phase")


@pytest.mark.parametrize("number", [1 << 32, (1 << 32) + 1, 1 << 64, (1 << 200) + 1])
def test_numbers_beyond_32_bits_name_no_value_of_an_enum(number):
    made, unknown = ours(f"state {{ phase: {number} }}")
    assert [each.value for each in unknown] == [str(number)]
    assert not made.state.HasField("phase")


def test_a_sign_may_stand_apart():
    """As in protobuf's own reader in C++, which Caffe uses; the one in Python refuses it."""
    made, _ = ours("state { level: - 3 }")
    assert made.state.level == -3


def test_nan_is_a_number():
    made, _ = ours("layer { loss_weight: nan loss_weight: -nan }")
    assert all(math.isnan(value) for value in made.layer[0].loss_weight)


def test_unknown_fields_of_every_kind_are_passed_over():
    text = """
      one: 1 two: "a" 'b' three: -inf four { x: [1, 2] y { } } five: [{ a: 1 }, { b { c: "}" } }] six < q: 1 >
      name: "kept"
      layer { seven: word, }
    """
    made, unknown = ours(text)
    assert made.name == "kept"
    assert [(u.name, u.is_message) for u in unknown] == [
        ("one", False),
        ("two", False),
        ("three", False),
        ("four", True),
        ("five", True),
        ("six", True),
        ("seven", False),
    ]
    assert unknown[-1].where == "f:4:15"
    assert [part.DESCRIPTOR.name for part in unknown[-1].path] == ["NetParameter", "LayerParameter"]


def test_what_is_unknown_is_explained():
    _, (field, value) = ours("layer { convolution_parm { } pooling_param { pool: AVG } }")
    assert explain(field) == ("LayerParameter has no field 'convolution_parm'", explain(field)[1])
    assert "convolution_param" in explain(field)[1]
    assert explain(value) == ("PoolingParameter.pool has no value 'AVG'", "The nearest known: AVE")


@pytest.mark.parametrize("text", ["x:", "x", "x {", "x { y }", "x: [", "x: [1", "x: ,", "x { : }"])
def test_an_unknown_field_must_be_whole(text):
    with pytest.raises(ParseError, match="f:1:"):
        ours(text)


@pytest.mark.parametrize("opening", ["layer { ", "x { ", "x: [{ y: ", "state < "])
def test_depth_is_bounded(opening):
    with pytest.raises(ParseError, match=r"nested more than|twice|has no field|expected"):
        ours(opening * 100_000)


def test_depth_and_counts_have_limits(monkeypatch):
    monkeypatch.setattr(xdn.settings, "MAX_PROTOTXT_DEPTH", 2)
    ours("layer { param { } }")
    with pytest.raises(ParseError, match="more than 2 deep"):
        ours("layer { convolution_param { weight_filler { } } }")
    monkeypatch.setattr(xdn.settings, "MAX_PROTOTXT_MESSAGES", 3)
    with pytest.raises(ParseError, match="more than 3 messages"):
        ours("layer { } " * 4)
    monkeypatch.setattr(xdn.settings, "MAX_UNKNOWN_FIELDS", 3)
    with pytest.raises(ParseError, match="more than 3 unknown"):
        ours("x: 1 " * 4)


WORDS = st.sampled_from(
    [
        *"{}<>[]:,;#",
        *("name", "layer", "state", "phase", "TEST", "input_dim", "loss_weight", "top"),
        *("convolution_param", "kernel_size"),
        *('"x"', "'y'", "1", "0x1", "1.5", "inf", "true", "-1", "\n", " ", "unknown", "\\", '"', "é"),
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_any_text_is_read_alike_or_refused(text):
    """What protobuf reads we read to the same message; what it refuses we refuse, or report as unknown."""
    try:
        expected = theirs(text)
    except (text_format.ParseError, ValueError):
        expected = None
    try:
        made, unknown = ours(text)
    except ParseError:
        assert expected is None
        return
    assert (expected is not None) == (not unknown)
    if expected is not None:
        assert made == expected


@pytest.mark.parametrize("opening", ["[", "[1, "])
def test_lists_in_lists_are_bounded(opening):
    with pytest.raises(ParseError, match="nested more than"):
        ours("x: " + opening * 100_000)


def test_integers_beyond_any_float_are_refused():
    with pytest.raises(ParseError, match="input_dim is an integer, not '0xfff"):
        ours("input_dim: 0x" + "f" * 300)


def test_a_strings_length_is_bounded(monkeypatch):
    monkeypatch.setattr(xdn.settings, "MAX_TOKEN_CHARACTERS", 5)
    assert ours("name: 'ab' 'cde'")[0].name == "abcde"
    with pytest.raises(ParseError, match="f:1:7: a string has more than 5 characters"):
        ours("name: 'abc' 'def'")
