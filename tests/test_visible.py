"""Text of unknown origin, made safe for a terminal."""

import sys

import pytest

from xdn.visible import visible


@pytest.mark.parametrize("text", ["", "conv1/3x3", "a b", "Grüße, 卷积, ключ", "back\\slash", "[red]"])
def test_plain_text_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\u202e\u2066\u200f", r"\u202e\u2066\u200f"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_an_escape(text, shown):
    assert visible(text) == shown


def test_every_character_becomes_one_that_can_be_printed():
    assert visible("".join(map(chr, range(sys.maxunicode + 1)))).isprintable()
