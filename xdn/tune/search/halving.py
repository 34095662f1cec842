"""Successive halving: all points a little, the better ones longer (Jamieson and Talwalkar 2016, arXiv:1502.07943)."""

from itertools import zip_longest
from math import inf

import numpy as np

from xdn.tune.search import SEARCHES, Hints, Request, Search
from xdn.tune.search.random import unseen
from xdn.tune.space import Point, Space

#: From one round to the next so many times fewer points are measured so many times longer.
RATE = 3
#: Rounds before the last: what is measured on a still smaller share says too little.
ROUNDS = 2
#: Points that begin at most, and for each that can be measured in full: the three rounds take about as long.
MOST, FOR_EACH = 512, 2.0
#: Points of the last round at most, however many began.
LAST = 4
#: Points of a request: a round of many is cut, so that a budget is not overrun by much.
PART = 27


@SEARCHES.register("halving")
def halving(space: Space, rng: np.random.Generator, hints: Hints) -> Search:
    """Measure all points briefly, the best third three times as long, and those that are left in full."""
    points = _begin(space, rng, hints)
    rounds = 0
    while rounds < ROUNDS and len(points) > LAST * RATE**rounds:
        rounds += 1
    for left in range(rounds, -1, -1):
        scores: list[float] = []
        for first in range(0, len(points), PART):
            scores += yield Request(tuple(points[first : first + PART]), RATE**-left)
        order = sorted(range(len(points)), key=scores.__getitem__)
        points = [points[i] for i in order[: max(LAST, len(points) // RATE)]]


def _begin(space: Space, rng: np.random.Generator, hints: Hints) -> list[Point]:
    """Return the points of the first round: all, or those next to a good one and random ones."""
    most = MOST if hints.capacity == inf else int(min(MOST, max(LAST, FOR_EACH * hints.capacity)))
    if space.combinations <= 16 * MOST and space.size <= most:
        points = list(space)
        rng.shuffle(points)
        return points
    near = _near(space, hints.start, rng) if hints.start is not None else []
    # Half of the first round may be near what is known: the other half has to find what is not.
    near = near[: most // 2]
    return near + unseen(lambda: space.random(rng), most - len(near), set(near))


def _near(space: Space, start: Point, rng: np.random.Generator) -> list[Point]:
    """Return the points that differ from one in one axis, first one of each axis, then a second one, ..."""
    by_axis: dict[int, list[Point]] = {}
    for point in space.neighbours(start):
        changed = next(i for i, (own, other) in enumerate(zip(start, point, strict=True)) if own != other)
        by_axis.setdefault(changed, []).append(point)
    for points in by_axis.values():
        rng.shuffle(points)
    return [point for turn in zip_longest(*by_axis.values()) for point in turn if point is not None]
