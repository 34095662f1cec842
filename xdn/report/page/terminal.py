"""A report for a terminal: the same rows in as many columns as there is room."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from xdn.report.page.blocks import Cell, Grid
from xdn.report.page.headline import Figure, headline, subject
from xdn.report.page.results import Results
from xdn.report.page.section import parts
from xdn.report.page.words import Words
from xdn.report.section import fitting

_STYLES = {"": "", "better": "green", "worse": "red"}
_ARROWS = {"": "", "better": " ▲", "worse": " ▼"}


def view(results: Results, words: Words) -> Iterator["Text | FittingGrid"]:
    """Yield what is printed: the subject, the three figures, and the grids of all sections."""
    name, line = subject(results, words)
    yield Text(name, style="bold")
    if line:
        yield Text(line)
    for figure in headline(results, words):
        yield _figure(figure)
    for part in parts(results, words):
        for block in part.blocks:
            if isinstance(block, Grid):
                yield FittingGrid(block.first(), words)


def _figure(figure: Figure) -> Text:
    before = f"{figure.before} -> " if figure.before else ""
    change = f" ({figure.change})" if figure.change else ""
    note = f"; {figure.note}" if figure.note else ""
    return Text(f"{figure.title}: {before}{figure.after}{change}{note}", style=_STYLES[figure.mark])


class FittingGrid:
    """A grid in as many columns as there is room for.

    Parameters
    ----------
    grid : Grid
    words : Words
    """

    def __init__(self, grid: Grid, words: Words):
        self._grid, self._words = grid, words

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the widest table that fits."""
        order = sorted({column.first_out for column in self._grid.columns if column.first_out}, reverse=True)
        tables = (self._table(order[:number], options.max_width) for number in range(len(order) + 1))
        yield fitting(console, options, tables)

    def _table(self, left_out: Sequence[int], width: int) -> Table:
        grid = self._grid
        kept = [at for at, column in enumerate(grid.columns) if column.first_out not in left_out]
        made = Table(title=grid.title, title_justify="left", box=SIMPLE_HEAD, show_footer=bool(grid.total))
        for at in kept:
            column = grid.columns[at]
            made.add_column(
                column.title, grid.total[at].text if grid.total else "", overflow="fold",
                justify="left" if column.words else "right", max_width=width // 2,
            )  # fmt: skip
        for row in grid.rows:
            made.add_row(*(_cell(row[at]) for at in kept))
        if grid.left_out:
            shown = len(grid.rows)
            made.caption = self._words("left_out", shown=shown, total=shown + grid.left_out)
        return made


def _cell(cell: Cell) -> Text:
    return Text(cell.text + _ARROWS[cell.mark], style=_STYLES[cell.mark])
