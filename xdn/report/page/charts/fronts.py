"""What is given for what: places of two costs, and the line through those that nothing else beats in both."""

from collections.abc import Callable, Sequence

from xdn.report.page.blocks import Drawing
from xdn.report.page.charts.lines import Line, Plot, Point, plotted

#: A name, and two costs.
Place = tuple[str, float, float]


def front(places: Sequence[Place]) -> list[Place]:
    """Return the places that no other beats: as good in both costs, and better in one."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda each: each[1:]):
        if not kept or place[2] < kept[-1][2]:
            kept.append(place)
    return kept


def traded(
    title: str, axes: tuple[str, str], places: Sequence[Place], said: Callable[[float, float], str], sign: int = 1
) -> Drawing:
    """Return places as points with their names, and their front in colour and as a line.

    Parameters
    ----------
    title : str
    axes : (str, str)
        Titles of both.
    places : sequence of Place
    said : callable
        Both values -> what a point says beside its name.
    sign : int
        -1 where the second axis has a gain, the negative of the cost.
    """
    kept = front(places)
    points = [
        Point(x, sign * y, f"{name}: {said(x, sign * y)}", 6.0, "own" if (name, x, y) in kept else "faint", name)
        for name, x, y in places
    ]
    line = Line("", [(x, sign * y) for _, x, y in kept], "c1")
    return Drawing(title, plotted(Plot(title, *axes, [line], points)))
