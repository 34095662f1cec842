"""Rows as CSV."""

import csv
import io

import pytest

from tests.report.page.samples import BEFORE, everything, layer, results, run, training
from xdn.errors import DataError, UnknownNameError
from xdn.report.page.blocks import MOST_ROWS
from xdn.report.page.sheet import sheet
from xdn.report.page.words import Words


def rows(text):
    """Return the rows of CSV."""
    return list(csv.reader(io.StringIO(text)))


def test_numbers_are_in_full():
    head, first, *_ = rows(sheet(results(run=run(1.0, [layer("conv1", 1.23456789)])), Words(), "layers"))
    assert head[:4] == ["", "layer", "type", "ms"]
    assert first[:4] == ["Layers", "conv1", "Convolution", "1.23456789"]


def test_all_rows_are_there_however_many():
    layers = [layer(f"{number}", 1.0) for number in range(MOST_ROWS + 1)]
    assert rows(sheet(results(run=run(1.0, layers)), Words(), "layers"))[-1][1] == str(MOST_ROWS)


def test_no_cell_is_a_formula():
    text = sheet(results(run=run(1.0, [layer('=HYPERLINK("x")', 1.0), layer("-1+1", 1.0)])), Words(), "layers")
    assert [row[1] for row in rows(text)[1:]] == ['\'=HYPERLINK("x")', "'-1+1"]


def test_any_section():
    assert "optimize" in sheet(everything(), Words(), "commands")
    with pytest.raises(UnknownNameError, match="unknown section 'layer'"):
        sheet(results(before=BEFORE), Words(), "layer")
    with pytest.raises(DataError, match="no rows for the section 'layers'"):
        sheet(results(train=training()), Words(), "layers")
