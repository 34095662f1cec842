"""The pictures of the documentation: shown by a page, and what plans look like now."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "docs" / "pictures"
TOOL = ROOT / "tools" / "make_pictures.py"
#: Pictures of times, which are not drawn anew, with English words alone.
MEASURED = {"contest.svg", "cluster_efficiency.svg", "cluster_cost.svg"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return the folder of freshly drawn pictures; a process of its own plans for another processor than this one."""
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([sys.executable, TOOL, folder], check=True, timeout=120, env=_environment())
    return folder


def _environment():
    return os.environ | {"PYTHONPATH": str(ROOT), "XDN_TARGET": "portable"}


def test_pictures_are_those_that_plans_give(drawn):
    found, shipped = ({path.name: path.read_text() for path in folder.iterdir()} for folder in (drawn, SHIPPED))
    for name in MEASURED:
        del shipped[name]
    differ = [name for name in {*found, *shipped} if found.get(name) != shipped.get(name)]
    assert differ == [], "run tools/make_pictures.py and look at them"


def test_no_words_are_left_of_which_pictures_have_no_use():
    texts = (ROOT / "tools" / "chinese" / "pictures.txt").read_text().strip().split("\n\n")
    sources = "".join(path.read_text() for path in (ROOT / "tools" / "pictures").glob("*.py"))
    assert [text for text in (each.split("\n")[0] for each in texts) if text not in sources] == []


def test_pictures_fit_a_phone_and_nothing_lies_outside(drawn):
    for path in drawn.glob("*.svg"):
        root = ElementTree.parse(path).getroot()
        width, height = (float(root.get(side)) for side in ("width", "height"))
        assert width <= 400
        for box in root.findall(f"{SVG}rect[@x]"):
            left, top, wide, high = (float(box.get(name)) for name in ("x", "y", "width", "height"))
            assert min(left, top) >= 0, path.name
            assert left + wide <= width, path.name
            assert top + high <= height, path.name
        for text in root.findall(f"{SVG}text"):
            assert 0 <= float(text.get("x")) <= width, (path.name, text.text)
            assert float(text.get("font-size")) >= 9, (path.name, text.text)


def test_every_picture_is_shown_with_words_for_who_cannot_see_it():
    english = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    # Chinese says as much in fewer characters.
    chinese = [*(ROOT / "docs" / "zh").glob("*.md"), ROOT / "README.zh-CN.md"]
    for pages, least in ((english, 40), (chinese, 15)):
        shown = re.findall(r"!\[([^]]*)\]\(\S*pictures/(\S+)\)", "".join(page.read_text() for page in pages))
        own = {path.name for path in SHIPPED.iterdir() if path.name.endswith(".zh.svg") == (pages is chinese)}
        assert {name for _, name in shown} == own | MEASURED
        assert [(name, words) for words, name in shown if len(words) <= least] == []
