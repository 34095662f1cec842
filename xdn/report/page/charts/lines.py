"""Lines and points over two axes."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from xdn.report.page.blocks import shortened
from xdn.report.page.charts.svg import WIDTH, Axis, drawing, element, frame, path, text, text_width, tip

#: In pixels.
_HEIGHT, _LEGEND_LINE, _LABEL = 340, 20, 14
#: Of a point's label.
_LABEL_LETTERS = 28
#: Points of a line that are drawn; more cannot be seen.
_MOST_POINTS = 400


@dataclass(frozen=True)
class Point:
    """A point: where, what it is, how large (its radius in pixels) and of which colour."""

    x: float
    y: float
    said: str
    radius: float = 4.0
    class_: str = "own"
    label: str = ""


@dataclass(frozen=True)
class Line:
    """A line through points (x, y), of a colour, with a name in the legend."""

    name: str
    points: Sequence[tuple[float, float]]
    class_: str = "c1"


@dataclass(frozen=True)
class Plot:
    """What is drawn over two axes.

    Parameters
    ----------
    title, x_title, y_title : str
    lines : sequence of Line
    points : sequence of Point
    log_x, log_y : bool
    extent_x, extent_y : (float, float), optional
        Values at the axes' ends, instead of those of the points.
    height : float
    """

    title: str
    x_title: str
    y_title: str
    lines: Sequence[Line] = ()
    points: Sequence[Point] = ()
    log_x: bool = False
    log_y: bool = False
    extent_x: tuple[float, float] | None = None
    extent_y: tuple[float, float] | None = None
    height: float = _HEIGHT


def plotted(plot: Plot) -> Markup:
    """Return a plot as a drawing; points that lie together are all seen, being translucent."""
    x, y = axes(plot)
    parts = [frame(x, y, plot.x_title, plot.y_title)]
    for line in plot.lines:
        parts.append(path(((x(a), y(b)) for a, b in _thinned(line.points)), line.class_))
    for point in plot.points:
        at = {"cx": x(point.x), "cy": y(point.y)}
        parts.append(element("circle", tip(point.said), r=point.radius, class_=point.class_, **at))
    parts += _labels(plot, x, y)
    for number, line in enumerate(line for line in plot.lines if line.name):
        left, middle = x.end + 20, y.end + _LEGEND_LINE * number
        parts.append(element("line", x1=left, x2=left + 18, y1=middle, y2=middle, class_=f"line {line.class_}"))
        parts.append(text(left + 26, middle + 4, line.name, class_="tick"))
    return drawing(WIDTH, plot.height, plot.title, *parts)


def _labels(plot: Plot, x: Axis, y: Axis) -> list[Markup]:
    """Return the labels of points; one that would lie on another, or on another labelled point, is moved below it."""
    named = sorted((point for point in plot.points if point.label), key=lambda point: y(point.y))
    placed = [(x(point.x) - point.radius, y(point.y) + 4, 2 * point.radius) for point in named]
    drawn = []
    for point in named:
        label = shortened(point.label, _LABEL_LETTERS)
        width = text_width(label)
        to_the_left = x(point.x) + point.radius + 4 + width > x.end
        left = x(point.x) - point.radius - 4 - width if to_the_left else x(point.x) + point.radius + 4
        foot = y(point.y) + 4
        for other_left, other_foot, other_width in placed:
            if left < other_left + other_width and other_left < left + width and abs(foot - other_foot) < _LABEL:
                foot = other_foot + _LABEL
        placed.append((left, foot, width))
        drawn.append(text(left, foot, label, class_="value"))
    return drawn


def axes(plot: Plot) -> tuple[Axis, Axis]:
    """Return the axes of a plot, which hold all that it shows."""
    every = [*((p.x, p.y) for p in plot.points), *(p for line in plot.lines for p in line.points)]
    names = [text_width(line.name) for line in plot.lines if line.name]
    legend = max(names) + 40 if names else 0.0
    found = []
    for place, (start, end), extent, log in (
        (0, (56.0, WIDTH - 16.0 - legend), plot.extent_x, plot.log_x),
        (1, (plot.height - 44.0, 28.0), plot.extent_y, plot.log_y),
    ):
        values = [each[place] for each in every]
        found.append(Axis(*extent, start, end, log) if extent else Axis.over(values, start, end, log=log))
    return found[0], found[1]


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    stride = -(-len(points) // _MOST_POINTS)
    return points if stride <= 1 else [*points[::stride], points[-1]]
