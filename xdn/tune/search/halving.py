"""Successive halving: all points a little, the better ones longer (Jamieson and Talwalkar 2016, arXiv:1502.07943)."""

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
    near = list(space.neighbours(hints.start)) if hints.start is not None else []
    rng.shuffle(near)
    # Half of the first round may be near what is known: the other half has to find what is not.
    near = near[: most // 2]
    return near + unseen(space, rng, most - len(near), set(near))
