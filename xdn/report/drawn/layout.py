"""Where boxes and lines of a graph lie: layers of boxes from the top down, folded into columns where they are many.

The layers are those of Sugiyama's method, by the library grandalf, of the extra `[graph]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, sqrt

from xdn.errors import SettingError

#: Pixels of a box, and between boxes.
BOX_WIDTH, BOX_HEIGHT = 204.0, 54.0
_GAP_X, _GAP_Y = 16.0, 20.0
#: Pixels between columns, and how many times wider than high the whole is to be.
_GUTTER, _ASPECT = 48.0, 1.5
#: Rounds in which crossings of lines are made fewer.
_ROUNDS = 4

Place = tuple[float, float]


@dataclass(frozen=True)
class Way:
    """A line from box `source` to box `target`, numbers of boxes, through points."""

    source: int
    target: int
    points: tuple[Place, ...]


@dataclass(frozen=True)
class Layout:
    """A graph laid out.

    Parameters
    ----------
    centres : tuple of (float, float)
        Of the boxes.
    again : tuple of (int, (float, float))
        Boxes that are drawn once more, at the head of the column after theirs, and the centres of these.
    ways : tuple of Way
    width, height : float
    """

    centres: tuple[Place, ...]
    again: tuple[tuple[int, Place], ...]
    ways: tuple[Way, ...]
    width: float
    height: float


def laid_out(boxes: int, edges: Sequence[tuple[int, int]]) -> Layout:
    """Return the layout of so many boxes, and of edges between them, which lead downwards.

    Raises
    ------
    SettingError
        Where grandalf is not installed.
    """
    centres, ways = _ranked(boxes, edges)
    return _folded(centres, ways)


def _ranked(boxes: int, edges: Sequence[tuple[int, int]]) -> tuple[list[Place], list[Way]]:
    """Return centres and lines as Sugiyama's method has them, parts that hang together side by side."""
    try:
        from grandalf.graphs import Edge, Graph, Vertex
        from grandalf.layouts import SugiyamaLayout, VertexViewer
    except ImportError:
        mend = "Install it with pip install 'xdn[graph]'"
        raise SettingError("the drawing needs grandalf, which is not installed", mend=mend) from None

    class Line:
        """Keeps the points of a line."""

        def __init__(self) -> None:
            self.points: list[Place] = []

        def setpath(self, points: Sequence[Place]) -> None:
            """Take the points."""
            self.points = [(float(x), float(y)) for x, y in points]

    vertices = [Vertex(number) for number in range(boxes)]
    for vertex in vertices:
        vertex.view = VertexViewer(w=BOX_WIDTH, h=BOX_HEIGHT)
    lines = [Edge(vertices[source], vertices[target]) for source, target in edges]
    for line in lines:
        line.view = Line()
    right, ways = 0.0, []
    for part in Graph(vertices, lines).C:
        drawn = SugiyamaLayout(part)
        drawn.xspace, drawn.yspace = _GAP_X, _GAP_Y
        drawn.init_all()
        drawn.draw(_ROUNDS)
        shift = right - min(vertex.view.xy[0] - vertex.view.w / 2 for vertex in part.sV)
        for vertex in part.sV:
            vertex.view.xy = (vertex.view.xy[0] + shift, vertex.view.xy[1])
        right = max(vertex.view.xy[0] + vertex.view.w / 2 for vertex in part.sV) + _GUTTER
        for line in part.sE:
            points = tuple((x + shift, y) for x, y in line.view.points)
            ways.append(Way(line.v[0].data, line.v[1].data, points))
    centres = [(float(vertex.view.xy[0]), float(vertex.view.xy[1])) for vertex in vertices]
    # The library keeps lines in sets, which have no order.
    return centres, sorted(ways, key=lambda way: (way.source, way.target))


@dataclass(frozen=True)
class _Cut:
    """Where a column ends: below the level of `source`, from which all lines come that go on."""

    below: float
    source: int


def _folded(centres: Sequence[Place], ways: Sequence[Way]) -> Layout:
    """Return the layout in columns; each begins with the box once more from which its lines come."""
    levels = sorted({y for _, y in centres})
    height, width = levels[-1] - levels[0] + BOX_HEIGHT, max(x for x, _ in centres) - min(x for x, _ in centres)
    columns = max(1.0, sqrt(_ASPECT * height / (width + BOX_WIDTH + _GUTTER)))
    cuts = _cuts(levels, centres, ways, height / columns)
    column = [sum(cut.below < y for cut in cuts) for _, y in centres]
    shifts, left, lowest = [], 0.0, 0.0
    for number in range(len(cuts) + 1):
        own = [centre for centre, found in zip(centres, column, strict=True) if found == number]
        head = [centres[cuts[number - 1].source]] if number else []
        inner = [x for way in ways if column[way.target] == number for x, _ in way.points]
        begin = min(*(x - BOX_WIDTH / 2 for x, _ in (*own, *head)), *inner, inf)
        end = max(*(x + BOX_WIDTH / 2 for x, _ in (*own, *head)), *inner, -inf)
        top = min(y for _, y in (*own, *head)) - BOX_HEIGHT / 2
        shifts.append((left - begin, -top))
        lowest = max(lowest, max(y for _, y in own) + BOX_HEIGHT / 2 - top)
        left += end - begin + _GUTTER
    placed = tuple(_moved(centre, shifts[number]) for centre, number in zip(centres, column, strict=True))
    again = tuple((cut.source, _moved(centres[cut.source], shifts[at])) for at, cut in enumerate(cuts, 1))
    lines = tuple(_line(way, centres, shifts[column[way.target]]) for way in ways)
    return Layout(placed, again, lines, left - _GUTTER, lowest)


def _cuts(levels: Sequence[float], centres: Sequence[Place], ways: Sequence[Way], height: float) -> list[_Cut]:
    """Return where columns end: as far down as `height`, where all lines come from one box just above."""
    possible = []
    for above, below in pairwise(levels):
        sources = {way.source for way in ways if centres[way.source][1] <= above and centres[way.target][1] >= below}
        if len(sources) == 1 and centres[source := min(sources)][1] == above:
            possible.append(_Cut(above, source))
    cuts: list[_Cut] = []
    begin = levels[0]
    for at, cut in enumerate(possible):
        following = possible[at + 1].below if at + 1 < len(possible) else levels[-1]
        if following - begin > height and cut.below > begin:
            cuts.append(cut)
            begin = cut.below
    return cuts


def _line(way: Way, centres: Sequence[Place], shift: Place) -> Way:
    """Return a line in the column of its target, from the foot of the one box to the head of the other."""
    (from_x, from_y), (to_x, to_y) = centres[way.source], centres[way.target]
    points = ((from_x, from_y + BOX_HEIGHT / 2), *way.points[1:-1], (to_x, to_y - BOX_HEIGHT / 2))
    return replace(way, points=tuple(_moved(point, shift) for point in points))


def _moved(point: Place, shift: Place) -> Place:
    return point[0] + shift[0], point[1] + shift[1]
