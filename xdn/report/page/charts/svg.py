"""SVG from Python: elements with everything escaped, axes, and the frame that charts are drawn in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

from xdn.report.page.blocks import shortened

#: Pixels of a drawing that is as wide as the page; of a letter in the mean, and of a Chinese character.
WIDTH = 960
_LETTER, _CHARACTER = 7.2, 13.0
#: From here on characters are as wide as they are high.
_WIDE = "\u2e80"
#: How far a drawing shrinks; below that its box scrolls.
_SHRINKS = 0.78


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return an element; of attributes ``class_`` is ``class``, and an underscore stands for a hyphen."""
    said = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _plain(value)) for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, said, Markup("").join(map(escape, children)))


def _plain(value: str | float) -> str:
    """Return a value as an attribute has it; of a number one digit after the point is seen."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def drawing(width: float, height: float, title: str, *children: Markup) -> Markup:
    """Return a whole drawing, which shrinks to the width that there is, but not until it cannot be read."""
    most = f";max-width:{width:.0f}px" if width < WIDTH else ""
    return element(
        "svg", *children, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:.0f} {height:.0f}", role="img",
        aria_label=title, style=f"min-width:{min(_SHRINKS * WIDTH, width):.0f}px{most}",
    )  # fmt: skip


def text_width(said: str) -> float:
    """Return about how many pixels a line of text takes."""
    return sum(_CHARACTER if each >= _WIDE else _LETTER for each in said)


def text(x: float, y: float, said: str, anchor: str = "start", class_: str = "") -> Markup:
    """Return a line of text whose foot is at y."""
    return element("text", said, x=x, y=y, text_anchor=anchor, **({"class_": class_} if class_ else {}))


def tip(said: str) -> Markup:
    """Return what is shown where the pointer rests on the element that holds it."""
    return element("title", shortened(said))


def path(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """Return a line through points."""
    return element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=f"line {class_}")


@dataclass(frozen=True)
class Axis:
    """Values along a side of a chart.

    Parameters
    ----------
    least, most : float
        Values at its ends.
    start, end : float
        Pixels at its ends.
    log : bool
    """

    least: float
    most: float
    start: float
    end: float
    log: bool = False

    @staticmethod
    def over(values: Sequence[float], start: float, end: float, *, log: bool = False, zero: bool = False) -> "Axis":
        """Return an axis that holds all values, with a little room; `zero`: it begins there."""
        least, most = min(values, default=0.0), max(values, default=1.0)
        if log:
            return Axis(least / 1.5, most * 1.5, start, end, True)
        room = 0.05 * ((most - least) or abs(most) or 1.0)
        return Axis(0.0 if zero and least >= 0 else least - room, most + room, start, end)

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, at = (log10(each) if self.log else each for each in (self.least, self.most, value))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values, some `most` of them at the most."""
        if self.log:
            return self._decades(most)
        raw = (self.most - self.least) / most
        power = 10.0 ** floor(log10(raw))
        step = next(each * power for each in (1, 2, 5, 10) if each * power >= raw * 0.999)
        first = ceil(self.least / step)
        return [number * step for number in range(first, floor(self.most / step) + 1)]

    def _decades(self, most: int) -> list[float]:
        first, last = floor(log10(self.least)), ceil(log10(self.most))
        stride = max(1, -(-(last - first) // most))
        factors = (1, 2, 5) if last - first <= 2 else (1,)
        found = [factor * 10.0**power for power in range(first, last + 1, stride) for factor in factors]
        return [value for value in found if self.least <= value <= self.most]


def number(value: float) -> str:
    """Return a tick's label."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def frame(x: Axis, y: Axis, x_title: str, y_title: str) -> Markup:
    """Return grid lines, labels and titles of two axes; y runs upwards, so that its start is the lower end."""
    parts = []
    for value in x.ticks():
        at = x(value)
        parts.append(element("line", x1=at, x2=at, y1=y.start, y2=y.end, class_="grid"))
        parts.append(text(at, y.start + 16, number(value), "middle", "tick"))
    for value in y.ticks():
        at = y(value)
        parts.append(element("line", x1=x.start, x2=x.end, y1=at, y2=at, class_="grid"))
        parts.append(text(x.start - 6, at + 4, number(value), "end", "tick"))
    parts.append(text((x.start + x.end) / 2, y.start + 34, x_title, "middle", "label"))
    parts.append(text(x.start - 44, y.end - 10, y_title, "start", "label"))
    return Markup("").join(parts)
