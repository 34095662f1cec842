"""The page: everything in it is escaped, nothing is asked for, and it is small."""

import re
from html.parser import HTMLParser

import pytest

from tests.report.page.samples import AFTER, BEFORE, HOSTILE, contest, engines, everything, layer, results, run
from xdn.report.page.render import html
from xdn.report.page.section import SECTIONS
from xdn.report.page.words import LANGUAGES, Words


class Seen(HTMLParser):
    """What a page holds: elements, links, and identifiers."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.ids, self.handlers = [], [], [], []

    def handle_starttag(self, tag, attrs):
        """Take an element."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def seen(page):
    """Return what a page holds."""
    found = Seen()
    found.feed(page)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_is_there_where_its_data_are(language):
    found = seen(html(everything(), Words(language)))
    assert set(SECTIONS) <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))


def test_sections_without_data_are_not_there():
    ids = seen(html(results(before=BEFORE), Words())).ids
    assert not {"comparison", "tuning", "pruning", "training", "stages"} & set(ids)
    assert {"layers", "roofline", "noise", "machine", "commands"} <= set(ids)


def test_names_are_text():
    page = html(everything(), Words())
    found = seen(page)
    assert "img" not in found.tags
    assert found.handlers == []
    assert HOSTILE not in page
    assert "\x1b" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "{{7*7}}" in page


def test_a_page_asks_for_nothing():
    found = seen(html(everything(), Words()))
    assert all(link.startswith(("#", "data:")) for link in found.links)
    assert {"iframe", "object", "embed", "base"}.isdisjoint(found.tags)
    assert not re.findall(r"@import|url\(", html(everything(), Words()))


def test_a_net_of_200_layers_makes_a_small_page():
    layers = [layer(f"stage{number // 9}/block{number}/convolution", 1.0 + number) for number in range(200)]
    page = html(results(before=run(4.0, layers), after=run(2.0, layers)), Words())
    assert len(page.encode()) < 500_000


def test_a_net_of_1000_layers_is_cut_where_the_page_would_be_large():
    layers = [layer(f"<{number}>" * 50, 1.0) for number in range(1000)]
    page = html(results(before=run(4.0, layers), after=run(2.0, layers)), Words())
    assert len(page.encode()) < 500_000
    shown = {int(number) for number in re.findall(r"The first (\d+) of 1000 rows are shown", page)}
    assert len(shown) == 1
    assert 20 < min(shown) < 600
    assert "Here are the 300 layers that take longest." in page
    assert page.count("<circle") == 300
    # Of long names the middle is left out.
    assert "&lt;1&gt;" * 50 not in page


def test_rows_beyond_what_people_read_are_left_out():
    layers = [layer(f"{number}", 1.0) for number in range(700)]
    assert "The first 600 of 700 rows are shown" in html(results(run=run(4.0, layers)), Words())


def test_a_contest():
    page = html(results(contest=contest()), Words())
    assert ">caffe<" in page
    assert "6.00 times as fast" in page


def test_nets_in_several_engines():
    missing = {"opencv": "cannot run this net: no layer <HSwish>"}
    page = html(results(one=engines(missing=missing), two=engines(net="AlexNet", engines={}, ratio={})), Words())
    assert "cannot run this net: no layer &lt;HSwish&gt;" in page
    assert ">LeNet<" in page
    assert "2.00x" in page
    assert "50" in re.findall(r"<td[^>]*>(\d+)</td>", page)


def test_what_was_before_stands_beside_what_is_after():
    page = html(results(before=BEFORE, after=AFTER), Words())
    assert re.search(r"4\.00 s</span>.*?1\.00 s</strong>", page, re.S)
    assert "4.00 times as fast" in page
    assert "12 % of before" in page
