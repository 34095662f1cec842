"""Horizontal bars, one a row: a name to the left, a number to the right."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from xdn.report.page.blocks import shortened
from xdn.report.page.charts.svg import WIDTH, drawing, element, text, text_width, tip

_ROW, _NAME_LETTERS = 24, 34


@dataclass(frozen=True)
class Bar:
    """A row.

    Parameters
    ----------
    name : str
    value : float
    said : str
        The number as people read it, and what else stands beside the bar.
    class_ : str
        Its colour: ``"own"``, ``"other"``, ``"better"``, ``"worse"``.
    back : float or None
        A paler bar beneath it: what it was before.
    limit : float or None
        A mark: what it cannot go below.
    """

    name: str
    value: float
    said: str
    class_: str = "own"
    back: float | None = None
    limit: float | None = None


def bars(title: str, rows: Sequence[Bar], limit: str = "") -> Markup:
    """Return a drawing of rows; `limit` says what the marks are."""
    names = max(text_width(shortened(row.name, _NAME_LETTERS)) for row in rows) + 14
    said = max(text_width(row.said) for row in rows) + 14
    room = WIDTH - names - said
    most = max(map(_reach, rows)) or 1.0
    parts = [_row(number * _ROW, row, names, room / most) for number, row in enumerate(rows)]
    height = len(rows) * _ROW + 4
    if limit and any(row.limit is not None for row in rows):
        parts.append(element("rect", x=names, y=height + 8, width=3, height=12, class_="limit"))
        parts.append(text(names + 10, height + 18, limit, class_="tick"))
        height += 26
    return drawing(WIDTH, height, title, *parts)


def _reach(row: Bar) -> float:
    """Return where the last mark of a row is."""
    return max(row.value, row.back or 0.0, row.limit or 0.0)


def _row(top: float, row: Bar, start: float, scale: float) -> Markup:
    inner = [tip(f"{row.name}: {row.said}"), text(start - 8, top + 16, shortened(row.name, _NAME_LETTERS), "end")]
    if row.back is not None:
        inner.append(element("rect", x=start, y=top + 3, width=row.back * scale, height=_ROW - 6, class_="back"))
    inner.append(
        element("rect", x=start, y=top + 3, width=max(row.value * scale, 1.0), height=_ROW - 6, class_=row.class_)
    )
    if row.limit is not None:
        inner.append(element("rect", x=start + row.limit * scale - 1.5, y=top, width=3, height=_ROW, class_="limit"))
    inner.append(text(start + _reach(row) * scale + 8, top + 16, row.said, class_="value"))
    return element("g", *inner)
