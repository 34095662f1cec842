"""Documentation in English and Chinese: each page says in both what it says in one, as far as a machine can tell."""

import re
from decimal import Decimal

import pytest

from tests.conftest import ROOT
from tests.markdown import FENCED, anchors, headings

DOCS, CHINESE = ROOT / "docs", ROOT / "docs" / "zh"
#: Those that lie beside their page in English.
BESIDE = [ROOT / "README.zh-CN.md", *sorted((ROOT / "prototxt").glob("*/README.zh-CN.md"))]
#: Page in Chinese -> the same in English, which some have elsewhere.
PAGES = {path: DOCS / path.relative_to(CHINESE) for path in sorted(CHINESE.rglob("*.md"))} | {
    **{path: path.with_name("README.md") for path in BESIDE},
    CHINESE / "bench.md": ROOT / "bench" / "README.md",
    CHINESE / "changes.md": ROOT / "CHANGELOG.md",
    CHINESE / "contributing.md": ROOT / "CONTRIBUTING.md",
    CHINESE / "networks.md": ROOT / "prototxt" / "README.md",
}
BOTH = pytest.mark.parametrize(
    ("english", "chinese"),
    [(of, path) for path, of in PAGES.items()],
    ids=[str(of.relative_to(ROOT)) for of in PAGES.values()],
)
#: How texts write numbers short.
UNITS = {"million": 10**6, "billion": 10**9, "GMACs": 10**9, "万": 10**4, "亿": 10**8}
_LINK = re.compile(r"\]\(([^)\s#]*)#?([^)\s]*)\)")


def code(page):
    """Return the lines of code without what they say of themselves, which is translated as reports are."""
    lines = [line for block in FENCED.findall(page.read_text()) for line in block.splitlines() if '"""' not in line]
    return [re.sub(r"\s*((#|// ).*)?$", "", line).removesuffix(" --lang zh") for line in lines]


def sections(page):
    """Return the prose of a page, split at its headings, without what programs write."""
    text = re.sub(r"<!-- made by .*?<!-- end of the table -->", "", page.read_text(), flags=re.S)
    return re.split(r"^#+ .*$", FENCED.sub("", text), flags=re.M)


def links(page, text):
    """Return where a text leads, as pages in English and the place of headings in them."""
    found = []
    for target, name in _LINK.findall(text):
        if "://" in target:
            found.append(target)
            continue
        path = (page.parent / target).resolve() if target else page
        path = path / "README.md" if (path / "README.md").is_file() else path
        path = path.with_name(path.name.replace(".zh.svg", ".svg"))
        found.append((str(PAGES.get(path, path)), anchors(path.read_text()).index(name) if name else None))
    return sorted(found, key=str)


def spans(text):
    """Return what a text has as code."""
    return {" ".join(span.removesuffix(" --lang zh").split()) for span in re.findall(r"`([^`]+)`", text)}


def tables(text):
    """Return the number of columns of each row of a text's tables."""
    return [line.replace(r"\|", "").count("|") for line in text.splitlines() if line.startswith("|")]


def blocks(text):
    """Return how many paragraphs and items of lists a text has, and how much of it is bold."""
    return [len(re.findall(mark, text, re.M)) for mark in (r"\n\n(?=[^\s|])", r"^\s*(?:-|\d+\.) ", r"\*\*")]


def numbers(text):
    """Return the numbers of a text, but for those below ten, which are often words."""
    bare = re.sub(r"\]\([^)]*\)|`[^`]*`", " ", text.replace("一万", "1 万"))
    found = re.findall(rf"(\d(?:[\d,.]*\d)?)(?:\s*({'|'.join(UNITS)}))?", bare)
    plain = [(figure.replace(",", ""), unit) for figure, unit in found if figure.count(".") < 2]
    return {Decimal(figure) * UNITS.get(unit, 1) for figure, unit in plain if unit or not re.fullmatch(r"\d", figure)}


def test_every_page_of_the_project_is_in_both_languages():
    brought = {ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md")}
    brought |= {ROOT / "bench" / "README.md", *(ROOT / "prototxt").rglob("README.md")}
    english = {path for path in DOCS.rglob("*.md") if not path.is_relative_to(CHINESE)}
    assert set(PAGES.values()) == english | brought


@BOTH
def test_pages_have_the_same_headings(english, chinese):
    levels = ([level for level, _ in headings(page.read_text())] for page in (english, chinese))
    assert next(levels) == next(levels)


@BOTH
def test_pages_have_the_same_code(english, chinese):
    assert code(english) == code(chinese)


@BOTH
@pytest.mark.parametrize("told", [blocks, spans, tables, numbers], ids=lambda function: function.__name__)
def test_sections_tell_the_same(english, chinese, told):
    assert [told(text) for text in sections(english)] == [told(text) for text in sections(chinese)]


@BOTH
def test_sections_lead_to_the_same_places(english, chinese):
    ours = [[link for link in links(chinese, text) if link != (str(english), None)] for text in sections(chinese)]
    theirs = [[link for link in links(english, text) if link != (str(english), None)] for text in sections(english)]
    assert theirs == ours


@BOTH
def test_pages_in_chinese_lead_to_those_in_chinese(english, chinese):
    there = {(chinese.parent / link).resolve() for link, _ in _LINK.findall(chinese.read_text()) if link}
    assert there & {*PAGES.values()} - {english} == set()
