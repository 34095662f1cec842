"""The dictionary: complete in both languages, and nothing in it is unused."""

import re
from inspect import getsource
from string import Formatter

import pytest

from tests.conftest import ROOT
from xdn.report.page.section import SECTIONS
from xdn.report.page.sections.layers import COLUMNS
from xdn.report.page.words import LANGUAGES, WORDS, Words

#: Texts that are the same in both languages: units and names.
SAME = {"gflops", "bandwidth_of", "titled", "comma"}


@pytest.mark.parametrize("key", WORDS)
def test_a_word_is_there_in_both_languages_with_the_same_fields(key):
    english, chinese = WORDS[key]
    fields = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in (english, chinese)]
    assert fields[0] == fields[1]
    assert not re.search("[\u2e80-\uffff]", english)
    assert bool(re.search("[\u4e00-\u9fff]", chinese)) or key in SAME


def test_words_are_filled_in():
    assert [Words(each)("of_images", images=3) for each in LANGUAGES] == ["3 images", "3 张图像"]


def test_every_word_is_used():
    files = [path for each in ("report", "cli") for path in (ROOT / "xdn" / each).rglob("*.*")]
    texts = [path.read_text() for path in files if path.suffix in (".py", ".html", ".svg") and path.name != "words.py"]
    text = "".join([*texts, getsource(Words)])
    assert [key for key in WORDS if f'"{key}"' not in text] == []


def test_sections_and_columns_have_titles():
    assert [name for name in (*SECTIONS, *(each[0] for each in COLUMNS)) if name not in WORDS] == []
