"""A genetic algorithm: points that are good are crossed and changed (as in Woodpecker-DL, Liu et al. 2020)."""

import numpy as np

from xdn.tune.search import SEARCHES, Hints, Request, Search
from xdn.tune.search.random import unseen
from xdn.tune.space import Point, Space

#: Points of a generation, and those of the best that live on.
POPULATION, ELITE = 16, 4
#: Points among which the best becomes a parent.
TOURNAMENT = 3
#: How often an axis of a child is drawn anew, on average for each child.
MUTATIONS = 1.0
#: Generations that bring no new child, after which nothing is left to find.
_BARREN = 20


@SEARCHES.register("genetic")
def genetic(space: Space, rng: np.random.Generator, hints: Hints) -> Search:
    """Cross good points and change a value now and then; each generation is measured as a whole."""
    scores: dict[Point, float] = {}
    children = unseen(lambda: space.random(rng), POPULATION, set())
    if hints.start is not None and hints.start not in children:
        children[0] = hints.start
    barren = 0
    while barren < _BARREN:
        if children:
            found = yield Request(tuple(children))
            scores |= zip(children, found, strict=True)
        living = sorted(scores, key=scores.__getitem__)[:POPULATION]
        children = []
        for _ in range(POPULATION - ELITE):
            mother, father = _parent(living, rng), _parent(living, rng)
            child = space.repaired(_mutated(space, _crossed(mother, father, rng), rng), rng)
            if child not in scores and child not in children:
                children.append(child)
        barren = 0 if children else barren + 1


def _parent(living: list[Point], rng: np.random.Generator) -> Point:
    """Return the best of a few; `living` is sorted, best first."""
    return living[min(int(rng.integers(len(living))) for _ in range(TOURNAMENT))]


def _crossed(mother: Point, father: Point, rng: np.random.Generator) -> Point:
    """Return a point with each value of one or of the other."""
    return tuple(m if rng.random() < 0.5 else f for m, f in zip(mother, father, strict=True))


def _mutated(space: Space, point: Point, rng: np.random.Generator) -> Point:
    """Return the point with some values drawn anew."""
    rate = MUTATIONS / len(point)
    return tuple(
        axis.values[rng.integers(len(axis.values))] if rng.random() < rate else value
        for axis, value in zip(space.axes, point, strict=True)
    )
