"""Tables as all commands print them, and one that goes to a terminal and into Markdown alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table

#: More columns than any table has.
_UNBOUNDED = 1 << 16


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None, words: int | None = None
) -> Table:
    """Return a table of text; so many first columns are `words`, all where None, and the others numbers."""
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for place, name in enumerate(columns):
        made.add_column(name, justify="left" if words is None or place < words else "right")
    for row in rows:
        made.add_row(*row)
    return made


def fitting(console: Console, options: ConsoleOptions, tables: Iterable[Table]) -> Table:
    """Return the first of tables, ever narrower, that fits where it is printed; the last one where none does."""
    unbounded = options.update_width(_UNBOUNDED)
    for made in tables:
        if Measurement.get(console, unbounded, made).maximum <= options.max_width:
            break
    return made


@dataclass(frozen=True)
class Section:
    """A table of text: title, names of columns, rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table as Markdown, the first column to the left, the others to the right."""
        lines = [self.columns, ("---", *["---:"] * (len(self.columns) - 1)), *self.rows]
        return "\n".join([f"## {self.title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""])

    def table(self) -> Table:
        """Return the table for a terminal."""
        return table(self.columns, self.rows, self.title, words=1)
