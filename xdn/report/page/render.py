"""A report as one HTML file that asks the network for nothing."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from xdn import __version__
from xdn.report.page.blocks import MOST_ROWS, Cell, Grid, Part
from xdn.report.page.headline import headline, subject
from xdn.report.page.results import Results
from xdn.report.page.section import parts
from xdn.report.page.words import Words

_TEMPLATES = Path(__file__).with_name("templates")
#: Bytes of a page at most, about; of what is neither rows nor drawings, and of a cell without its text.
_MOST_BYTES, _FRAME_BYTES, _CELL_BYTES = 500_000, 40_000, 32
#: Rows of each table that are there in any case.
_LEAST_ROWS = 20
#: BCP 47 names of the languages.
TAGS = {"en": "en", "zh": "zh-CN"}


def environment() -> Environment:
    """Return what fills templates: every text is escaped, and a name that a template lacks is an error."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.tests["grid"] = lambda block: isinstance(block, Grid)
    return made


def html(results: Results, words: Words) -> str:
    """Return the page."""
    name, line = subject(results, words)
    return (
        environment()
        .get_template("page.html")
        .render(
            words=words,
            tag=TAGS[words.language],
            name=name,
            line=line,
            figures=headline(results, words),
            parts=_fitted(parts(results, words)),
            made=words("made", version=__version__, date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        )
    )


def _fitted(found: Sequence[Part]) -> list[Part]:
    """Return sections whose tables have so many rows at most that the page has no more bytes than it should."""
    blocks = [block for part in found for block in part.blocks]
    drawn = sum(len(block.svg.encode()) for block in blocks if not isinstance(block, Grid))
    sizes = [[0, *accumulate(map(_row_bytes, block.rows))] for block in blocks if isinstance(block, Grid)]

    def table_bytes(most: int) -> int:
        """Return the bytes of all tables that have so many rows at most."""
        return sum(each[min(most, len(each) - 1)] for each in sizes)

    room = _MOST_BYTES - _FRAME_BYTES - drawn
    most = max(_LEAST_ROWS, bisect_right(range(MOST_ROWS + 1), room, key=table_bytes) - 1)
    return [
        replace(part, blocks=tuple(block.first(most) if isinstance(block, Grid) else block for block in part.blocks))
        for part in found
    ]


def _row_bytes(row: Sequence[Cell]) -> int:
    return sum(len(escape(cell.text).encode()) + _CELL_BYTES for cell in row)
