"""Points at random: what every other strategy must beat."""

from collections.abc import Callable

import numpy as np

from xdn.tune.search import BATCH, SEARCHES, Hints, Request, Search
from xdn.tune.space import Point, Space

#: Draws in a row that bring nothing new, after which nothing is left to find.
_BARREN = 300


def unseen(draw: Callable[[], Point], count: int, seen: set[Point]) -> list[Point]:
    """Return up to `count` points that are drawn and not among `seen`, and add them to it."""
    found: list[Point] = []
    barren = 0
    while len(found) < count and barren < _BARREN:
        point = draw()
        if point in seen:
            barren += 1
            continue
        barren = 0
        seen.add(point)
        found.append(point)
    return found


@SEARCHES.register("random")
def random(space: Space, rng: np.random.Generator, hints: Hints) -> Search:
    """Measure points at random, none twice."""
    seen: set[Point] = set()
    while batch := unseen(lambda: space.random(rng), BATCH, seen):
        yield Request(tuple(batch))
