"""Points at random: what every other strategy must beat."""

import numpy as np

from xdn.tune.search import BATCH, SEARCHES, Hints, Request, Search
from xdn.tune.space import Point, Space

#: Draws in a row that bring nothing new, after which the space counts as seen.
_BARREN = 200


def unseen(space: Space, rng: np.random.Generator, count: int, seen: set[Point]) -> list[Point]:
    """Return up to `count` random points that are not among `seen`, and add them to it."""
    found: list[Point] = []
    barren = 0
    while len(found) < count and barren < _BARREN:
        point = space.random(rng)
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
    while batch := unseen(space, rng, BATCH, seen):
        yield Request(tuple(batch))
