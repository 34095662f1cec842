"""Charts: axes have round ticks, and what is drawn lies where its values are."""

import re
from xml.etree import ElementTree

import pytest

from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.charts.heat import heat_map
from xdn.report.page.charts.histograms import histograms
from xdn.report.page.charts.lines import Line, Plot, Point, plotted
from xdn.report.page.charts.svg import Axis, element, number

HOSTILE = "<script>&\"'"


def rects(svg, class_):
    """Return the width of each rectangle of a class."""
    return [float(each.get("width")) for each in ElementTree.fromstring(svg).iter() if each.get("class") == class_]


def test_elements_escape_texts_and_attributes():
    made = element("text", HOSTILE, class_=HOSTILE, stroke_width=1.0)
    found = ElementTree.fromstring(made)
    assert (found.text, found.attrib) == (HOSTILE, {"class": HOSTILE, "stroke-width": "1"})


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 10, 0, 1), [0, 2, 4, 6, 8, 10]),
        (Axis(-0.1, 0.25, 0, 1), [-0.1, 0, 0.1, 0.2]),
        (Axis(0.5, 2000, 0, 1, log=True), [1, 10, 100, 1000]),
        (Axis(3, 60, 0, 1, log=True), [5, 10, 20, 50]),
    ],
)
def test_ticks_are_round(axis, ticks):
    assert axis.ticks() == pytest.approx(ticks)


def test_an_axis_maps_its_ends():
    assert [Axis(1, 100, 50, 150, log=True)(value) for value in (1, 10, 100)] == pytest.approx([50, 100, 150])
    assert Axis.over([], 0, 1)(0.5) == pytest.approx(0.5)
    assert Axis.over([3.0, 3.0], 0, 1)(3.0) == pytest.approx(0.5)


def test_labels_of_ticks():
    assert [number(value) for value in (0.25, 3.0, 25000.0)] == ["0.25", "3", "25,000"]


def test_bars_are_as_long_as_their_values():
    svg = bars(HOSTILE, [Bar(HOSTILE, 4.0, "4"), Bar("b", 1.0, "1", back=2.0), Bar("c", 0.0, "0")])
    longest, short, nothing = rects(svg, "own")
    assert (longest / short, nothing) == (pytest.approx(4.0, rel=0.01), 1.0)
    assert rects(svg, "back") == [pytest.approx(longest / 2, rel=0.01)]


def test_the_best_cell_of_a_heat_map_is_the_darkest():
    svg = heat_map("", {("a", "1"): 0.5, ("a", "2"): 1.0, ("b", "2"): 0.75}, ["a", "b"], ["1", "2"], HOSTILE)
    steps = re.findall(r"<title>([^<]*)</title>.*?|class=\"(h\d)\"", svg)
    assert [step for _, step in steps if step] == ["h0", "h8", "h4"]


def test_a_histogram_of_nothing():
    ElementTree.fromstring(histograms("", [(HOSTILE, [0, 0], ""), ("b", [], "")]))


def test_labels_of_points_do_not_lie_on_each_other():
    points = [Point(1.0, 1.0, "", label="first"), Point(1.01, 1.0, "", label="second"), Point(5.0, 5.0, "", label="e")]
    svg = ElementTree.fromstring(plotted(Plot("", HOSTILE, "y", [Line("line", [(1, 1), (5, 5)])], points)))
    feet = {each.text: float(each.get("y")) for each in svg.iter() if each.get("class") == "value"}
    assert abs(feet["first"] - feet["second"]) >= 14


def test_labels_of_points_do_not_lie_on_other_points():
    points = [Point(1.0, 1.0, "", label="a name that is long"), Point(1.2, 1.0, "", label="b"), Point(5.0, 5.0, "")]
    svg = ElementTree.fromstring(plotted(Plot("", "x", "y", [], points)))
    spot = next(each for each in svg.iter() if each.tag.endswith("circle"))
    feet = {
        each.text: float(each.get("y")) - float(spot.get("cy")) for each in svg.iter() if each.get("class") == "value"
    }
    assert feet["a name that is long"] >= 14
