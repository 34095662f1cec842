"""Runs side by side: what is better, what is worse, and what says nothing."""

import pytest

from tests.report.page.samples import AFTER, BEFORE, layer, results, run
from xdn.report.page.sections.comparison import comparison
from xdn.report.page.words import Words


def grids(**documents):
    """Return title -> the last cell of each row, by its first, of the grids of a comparison."""
    _, blocks = comparison(results(**documents), Words())
    return {block.title: {row[0].text: row[-1] for row in block.rows} for block in blocks}


def test_one_run_is_compared_with_nothing():
    assert grids(before=BEFORE) == {}


def test_differences_are_marked():
    found = grids(before=BEFORE, after=AFTER)["Comparison"]
    assert (found["time of all images"].text, found["time of all images"].mark) == ("-75.0%", "better")
    assert (found["images a second"].text, found["images a second"].mark) == ("+300.0%", "better")
    assert (found["weights"].text, found["weights"].mark) == ("-87.5%", "better")
    assert found["accuracy, top-1"].text == "="
    worse = grids(before=AFTER, after=BEFORE)["Comparison"]
    assert worse["time of all images"].mark == "worse"


def test_accuracy_differs_in_points():
    less = run(4.0, [])
    less["contest"]["accuracy"]["correct"] = 8450
    found = grids(before=BEFORE, after=less)["Comparison"]["accuracy, top-1"]
    assert (found.text, found.mark) == ("-0.50", "worse")


@pytest.mark.parametrize(("seconds", "mark"), [(3.5, ""), (3.0, "better"), (5.0, "worse")])
def test_differences_within_the_noise_are_not_marked(seconds, mark):
    """Rounds of a made-up run lie 20 % apart."""
    found = grids(before=BEFORE, after=run(seconds, []))["Comparison"]["time of all images"]
    assert found.mark == mark
    assert ("noise" in found.text) == (not mark)


def test_layers_are_compared_by_name():
    after = run(4.0, [layer("conv1", 1.0), layer("new", 1.0)])
    (title,) = grids(before=BEFORE, after=after).keys() - {"Comparison"}
    found = grids(before=BEFORE, after=after)[title]
    assert (found["conv1"].text, found["conv1"].mark) == ("-50.0%", "better")
    assert (found["new"].text, found["split"].text) == ("", "")
