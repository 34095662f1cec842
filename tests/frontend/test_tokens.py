"""Tokens, their places, and what is none."""

import tracemalloc

import pytest

from xdn import settings
from xdn.errors import ParseError
from xdn.frontend.tokens import Tokens


def all_of(text):
    tokens, found = Tokens(text, "f"), []
    while tokens.current.kind != "end":
        found.append(tokens.advance())
    return found, tokens


def test_kinds_and_texts():
    found, _ = all_of('a_1: -0x1F 1.5e-3f .5 "s\\"t" \'u\' { } < > [ ] , ; # comment\n b')
    assert [token.kind for token in found] == (
        ["word", "symbol", "symbol", "number", "number", "number", "string", "string"] + ["symbol"] * 8 + ["word"]
    )
    assert [token.text for token in found[6:8]] == ['"s\\"t"', "'u'"]


def test_places_count_lines_and_columns_from_one():
    found, tokens = all_of("a\n  b\n\nc")
    assert [tokens.place(token) for token in found] == ["f:1:1", "f:2:3", "f:4:1"]


@pytest.mark.parametrize(
    ("text", "integer", "real"),
    [
        ("12", 12, 12.0),
        ("012", 10, 12.0),
        ("0x1f", 31, None),
        ("0x" + "f" * 300, None, None),
        ("08", None, 8.0),
        ("1.5", None, 1.5),
        ("1e2", None, 100.0),
        ("3f", None, 3.0),
        ("9" * 20, int("9" * 20), float("9" * 20)),
        ("9" * 21, None, float("9" * 21)),
        ("inf", None, float("inf")),
        ("word", None, None),
    ],
)
def test_numbers(text, integer, real):
    token = Tokens(text, "f").current
    assert (token.integer(), token.real()) == (integer, real)


@pytest.mark.parametrize("text", ["1.2.3", "12abc", "1e", "$", "\0", "é", '"open', "'a\nb'", "/ comment"])
def test_what_is_not_a_token(text):
    with pytest.raises(ParseError, match="f:2:3: "):
        Tokens(f"\n  {text}", "f")


def test_a_string_that_does_not_end_is_said_so():
    with pytest.raises(ParseError, match="f:1:1: a string does not end"):
        Tokens('"abc', "f")


def test_the_end_is_shown_in_words():
    assert Tokens("", "f").current.shown == "the end of the file"
    assert Tokens("a" * 100, "f").current.shown == repr("a" * 40)


@pytest.mark.parametrize(
    ("text", "most_mib"),
    [
        ("#\n" * (1 << 20), 1),
        ("\n" * (1 << 21), 1),
        ("'" + "a" * (1 << 16), 1),
        ("'" + "\\n" * (1 << 20), 1),
        ("1" * 200_000 + "x", 1),
        ("1." + "1" * 200_000 + "e+", 1),
    ],
    ids=["comments", "lines", "string", "escapes", "digits", "exponent"],
)
def test_nothing_is_tried_twice_or_remembered(text, most_mib):
    tracemalloc.start()
    try:
        all_of(text)
    except ParseError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < most_mib << 20


def test_places_are_told_in_any_order():
    found, tokens = all_of("a\n\nb c\n d")
    places = {"a": "f:1:1", "b": "f:3:1", "c": "f:3:3", "d": "f:4:2"}
    for token in (*found, *reversed(found), found[2], found[0]):
        assert tokens.place(token) == places[token.text]


def test_tokens_and_their_length_are_bounded(monkeypatch):
    monkeypatch.setattr(settings, "MAX_PROTOTXT_TOKENS", 4)
    all_of("a b c")
    with pytest.raises(ParseError, match="f:1:9: the text has more than 4 tokens"):
        all_of("a b c d e")
    monkeypatch.setattr(settings, "MAX_TOKEN_CHARACTERS", 3)
    with pytest.raises(ParseError, match="f:1:2: a token has more than 3 characters"):
        all_of(" abcd")
