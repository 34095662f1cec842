"""What sections are made of: grids of cells, and drawings; neither knows where it is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup

from xdn.visible import visible

#: Rows of a grid that pages and terminals show; more are read by nobody. CSV has all.
MOST_ROWS = 600
#: Characters of a name that are shown.
MOST_LETTERS = 120

Mark = Literal["", "better", "worse"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text : str
    value : float or None
        By which rows are sorted, and which CSV has; None: by the text.
    mark : str
        Whether it is better or worse than what it is compared with.
    bar : float or None
        Length of a bar beside the text, 0 to 1.
    """

    text: str
    value: float | None = None
    mark: Mark = ""
    bar: float | None = None


@dataclass(frozen=True)
class Column:
    """A column.

    Parameters
    ----------
    title : str
    words : bool
        Whether it holds text, to the left; else numbers, to the right.
    first_out : int
        The column with the largest number is left out first where there is little room; one with 0 never is.
    """

    title: str
    words: bool = False
    first_out: int = 0


@dataclass(frozen=True)
class Grid:
    """A table.

    Parameters
    ----------
    title : str
    columns : tuple of Column
    rows : tuple of tuple of Cell
    total : tuple of Cell
        A last row that stays last; none where empty.
    long : bool
        Whether it has so many rows that people sort and search them.
    left_out : int
        Rows that are not there, being too many.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    long: bool = False
    left_out: int = 0

    @staticmethod
    def of(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], **told: object) -> "Grid":
        """Return a grid of all rows."""
        return Grid(title, tuple(columns), tuple(map(tuple, rows)), **told)  # type: ignore[arg-type]

    def first(self, most: int = MOST_ROWS) -> "Grid":
        """Return a grid of the first rows, `most` at most."""
        kept = self.rows[:most]
        return replace(self, rows=kept, left_out=self.left_out + len(self.rows) - len(kept))


@dataclass(frozen=True)
class Drawing:
    """A chart as SVG, with a line about it."""

    title: str
    svg: Markup


#: What a section shows, one below the other.
Block = Grid | Drawing


@dataclass(frozen=True)
class Part:
    """A section, filled.

    Parameters
    ----------
    name : str
        Of the section, by which links lead to it.
    title, about : str
    blocks : tuple of Block
    """

    name: str
    title: str
    about: str
    blocks: tuple[Block, ...]


def shortened(name: str, most: int = MOST_LETTERS) -> str:
    """Return a name of at most so many letters, all of which are seen; of a longer one the middle is left out."""
    name, half = visible(name), (most - 1) // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def word(text: str, mark: Mark = "") -> Cell:
    """Return a cell of text."""
    return Cell(shortened(text), mark=mark)


def number(value: float | None, say: Callable[[float], str], unknown: str = "-", *, bar: float | None = None) -> Cell:
    """Return a cell of a number as `say` puts it; `unknown` stands for one that is not there."""
    return Cell(unknown if value is None else say(value), value, bar=bar)
