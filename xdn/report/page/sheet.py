"""The rows of a section as CSV."""

import csv
import io

from xdn.errors import DataError
from xdn.report.page.blocks import Cell, Grid
from xdn.report.page.results import Results
from xdn.report.page.section import SECTIONS
from xdn.report.page.words import Words

#: What spreadsheets take for the beginning of a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def sheet(results: Results, words: Words, name: str) -> str:
    """Return the grids of a section as CSV, each headed by its columns, after a column with its title.

    Numbers are in full. A text that a spreadsheet would take for a formula is led by an apostrophe.

    Raises
    ------
    UnknownNameError
        Where there is no such section.
    DataError
        Where the results have nothing that it shows.
    """
    _, blocks = SECTIONS[name].make(results, words)
    grids = [block for block in blocks if isinstance(block, Grid)]
    if not grids:
        raise DataError(
            f"the results have no rows for the section {name!r}",
            mend="Make them with xdn-run --profile, or choose --section",
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for at, grid in enumerate(grids):
        if at == 0 or grid.columns != grids[at - 1].columns:
            writer.writerow(["", *(column.title for column in grid.columns)])
        for row in grid.rows:
            writer.writerow([_safe(grid.title), *map(_value, row)])
    return text.getvalue()


def _value(cell: Cell) -> str | float:
    return _safe(cell.text) if cell.value is None else cell.value


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) and text not in ("-", "=") else text
