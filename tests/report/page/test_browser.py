"""Pages in a real browser: no complaint, no request, the first screen whole, in light and dark and on a phone.

Screenshots lie in build/screenshots.
"""

import pytest

from tests.browser import browsing, chromium
from tests.conftest import ROOT
from tests.optimize.prune.nets import small_resnet
from tests.report.page.samples import HOSTILE, contest, everything, results
from xdn.graph.summary import summarize
from xdn.report.drawn.files import SUFFIXES, drawn
from xdn.report.page.render import html
from xdn.report.page.words import Words
from xdn.visible import visible

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium (apt-get install chromium)"),
]
SCREENSHOTS = ROOT / "build" / "screenshots"
LARGE, PHONE = (1280, 800), (390, 844)


@pytest.fixture(scope="module")
def browser():
    """Return a browser for all tests."""
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return a function: language -> the file of a page with every section."""

    def made(language):
        path = tmp_path_factory.mktemp("page") / "report.html"
        path.write_text(html(everything(), Words(language)))
        return path

    return made


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("size", "dark"), [(LARGE, False), (LARGE, True), (PHONE, False), (PHONE, True)])
def test_a_page_is_whole_and_quiet(browser, page, language, size, dark):
    path = page(language)
    browser.open(path, *size, dark)
    browser.screenshot(SCREENSHOTS / f"{language}-{size[0]}-{'dark' if dark else 'light'}.png")
    assert browser.complaints == []
    assert browser.requests == [path.as_uri()]
    ends = browser.value("[...document.querySelectorAll('.figure')].map(each => each.getBoundingClientRect().bottom)")
    assert len(ends) == 3
    assert max(ends) < size[1]
    # Tables scroll within their boxes, not the page.
    assert browser.value("document.documentElement.scrollWidth") <= size[0]
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (min(map(int, paper[4:-1].split(","))) < 128) == dark


def test_a_contest(browser, tmp_path):
    (tmp_path / "contest.html").write_text(html(results(contest=contest()), Words("en")))
    browser.open(tmp_path / "contest.html", *LARGE, False)
    browser.screenshot(SCREENSHOTS / "contest.png")
    assert browser.complaints == []
    assert browser.first_paint_ms() > 0


def test_texts_are_legible(browser, page):
    """Contrast of every text that is smaller than a heading is at least 4.5, as WCAG 2 asks, in both schemes."""
    for dark in (False, True):
        browser.open(page("en"), *LARGE, dark)
        assert browser.value(_CONTRASTS) == []


#: Texts of too little contrast to the nearest background that is painted.
_CONTRASTS = """
(() => {
  const lightness = (rgb) => {
    const [r, g, b] = rgb.map(each => each / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = numbers(getComputedStyle(each).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const each of document.querySelectorAll("h1, h2, h3, p, td, th, a, button, figcaption, footer")) {
    if (!each.textContent.trim()) continue;
    const [a, b] = [numbers(getComputedStyle(each).color).slice(0, 3), ground(each)].map(lightness);
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) bad.push(each.outerHTML.slice(0, 120));
  }
  return bad;
})()
"""


def test_rows_are_sorted_and_searched(browser, page):
    browser.open(page("en"), *LARGE, False)
    table = "document.querySelectorAll('#layers table')[1]"
    names = f"[...{table}.tBodies[0].rows].filter(row => !row.hidden).map(row => row.cells[0].textContent)"
    first = browser.value(names)
    assert first == ["conv1", visible(HOSTILE), "split"]
    press = f"{table}.tHead.rows[0].cells[2].querySelector('button').click()"
    browser.value(press)
    assert browser.value(names) == first
    browser.value(press)
    assert browser.value(names) == first[::-1]
    box = f"{table}.closest('.grid').querySelector('input')"
    browser.value(f"{box}.value = 'CONV1'; {box}.dispatchEvent(new Event('input'))")
    assert browser.value(names) == ["conv1"]


@pytest.mark.parametrize("dark", [False, True])
def test_a_drawing_of_a_net(browser, tmp_path, dark):
    summary = summarize(small_resnet())
    nets, times = [("net_before", summary), ("net_after", summary)], {"stem": 2.0, "fc": 0.5}
    for suffix in SUFFIXES:
        (tmp_path / f"net{suffix}").write_text(drawn(nets, times, Words("zh"), suffix))
        browser.open(tmp_path / f"net{suffix}", *LARGE, dark)
        browser.screenshot(SCREENSHOTS / f"net{suffix}-{'dark' if dark else 'light'}.png")
        assert browser.complaints == []
        assert len(browser.requests) == 1
    browser.open(tmp_path / "net.html", *PHONE, dark)
    assert browser.value("document.documentElement.scrollWidth") <= PHONE[0]
