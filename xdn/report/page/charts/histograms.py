"""Many small histograms side by side."""

from collections.abc import Sequence
from math import log1p

from markupsafe import Markup

from xdn.report.page.blocks import shortened
from xdn.report.page.charts.svg import WIDTH, drawing, element, text, tip

_COLUMNS, _HEIGHT, _GAP = 5, 92, 18
_NAME_LETTERS = 26


def histograms(title: str, found: Sequence[tuple[str, Sequence[int], str]]) -> Markup:
    """Return a drawing of (name, counts, what the last bar stands for); heights are logarithms of counts."""
    width = (WIDTH + _GAP) / _COLUMNS - _GAP
    parts = [
        _small(number % _COLUMNS * (width + _GAP), number // _COLUMNS * (_HEIGHT + _GAP), width, *each)
        for number, each in enumerate(found)
    ]
    return drawing(WIDTH, -(-len(found) // _COLUMNS) * (_HEIGHT + _GAP), title, *parts)


def _small(x: float, y: float, width: float, name: str, counts: Sequence[int], end: str) -> Markup:
    heights = [log1p(max(count, 0)) for count in counts]
    scale, step = (_HEIGHT - 36) / (max(heights, default=0.0) or 1.0), width / max(len(counts), 1)
    foot = y + _HEIGHT - 16
    drawn = [
        element("rect", x=x + at * step, y=foot - h * scale, width=step - 0.6, height=h * scale, class_="own")
        for at, h in enumerate(heights)
    ]
    base = element("line", x1=x, x2=x + width, y1=foot, y2=foot, class_="axis")
    labels = text(x, y + 12, shortened(name, _NAME_LETTERS)), text(x + width, foot + 13, end, "end", "tick")
    return element("g", tip(name), *drawn, base, *labels)
