"""The layout: boxes do not lie on each other, lines join boxes, long graphs are folded."""

from itertools import combinations, pairwise

import pytest

from xdn.report.drawn.layout import BOX_HEIGHT, BOX_WIDTH, laid_out


def apart(centres):
    """Return whether no two boxes lie on each other."""
    return all(abs(a[0] - b[0]) >= BOX_WIDTH or abs(a[1] - b[1]) >= BOX_HEIGHT for a, b in combinations(centres, 2))


def residual_blocks(number):
    """Return boxes and edges of blocks of two boxes, past which a line goes: x -> a -> b, x -> b."""
    edges = [(0, 1), (1, 2), (0, 2)]
    return 1 + 2 * number, [(2 * at + a, 2 * at + b) for at in range(number) for a, b in edges]


@pytest.mark.parametrize(
    ("boxes", "edges"),
    [
        (1, []),
        (2, []),
        (3, [(0, 1), (0, 2)]),
        (5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)]),
        (40, list(pairwise(range(40)))),
        residual_blocks(20),
    ],
)
def test_boxes_are_apart_and_lines_lead_down(boxes, edges):
    layout = laid_out(boxes, edges)
    centres = [*layout.centres, *(centre for _, centre in layout.again)]
    assert len(layout.centres) == boxes
    assert apart(centres)
    assert all(x - BOX_WIDTH / 2 >= 0 and x + BOX_WIDTH / 2 <= layout.width + 0.01 for x, _ in centres)
    assert all(y - BOX_HEIGHT / 2 >= 0 and y + BOX_HEIGHT / 2 <= layout.height + 0.01 for _, y in centres)
    assert sorted((way.source, way.target) for way in layout.ways) == sorted(edges)
    for way in layout.ways:
        assert all(above[1] < below[1] for above, below in pairwise(way.points))
        feet = [layout.centres[way.source], *(centre for box, centre in layout.again if box == way.source)]
        assert way.points[0] in [(x, y + BOX_HEIGHT / 2) for x, y in feet]
        x, y = layout.centres[way.target]
        assert way.points[-1] == (x, y - BOX_HEIGHT / 2)


def test_long_graphs_are_folded_between_blocks():
    boxes, edges = residual_blocks(30)
    layout = laid_out(boxes, edges)
    assert layout.width > layout.height / 2
    assert layout.again
    assert all(box % 2 == 0 for box, _ in layout.again)


def test_it_is_the_same_each_time():
    assert laid_out(*residual_blocks(8)) == laid_out(*residual_blocks(8))
