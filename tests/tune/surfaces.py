"""Synthetic scores whose best point is known, and a driver that searches them without measuring anything."""

import numpy as np

from tests.tune.test_space import SPACE as SMALL
from xdn.tune.search import SEARCHES, Hints
from xdn.tune.space import Axis, Space

#: Numbers that do not depend on each other, a product of curves: 7^3 * 5 points.
AXES = (*(Axis(name, tuple(range(7))) for name in "abc"), Axis("d", tuple(range(5))))
BEST = (3, 5, 1, 4)


def legal(values):
    """A corner is missing."""
    return not ("b" in values and values["a"] == 6 and values["b"] == 0)


SPACE = Space(AXES, legal)


def surface(point, noise=0.0, rng=None):
    """Return 1 at `BEST`, more with the distance to it."""
    distance = sum(((p - b) / len(axis.values)) ** 2 for p, b, axis in zip(point, BEST, AXES, strict=True))
    return (1 + distance) * (1 + (noise * rng.standard_normal() if noise else 0))


def driven(strategy, space=SPACE, trials=150, seed=0, noise=0.0, score=surface, hints=None):
    """Return [(point, share, score)] of a search; noise falls with the share, as longer measurements do."""
    rng = np.random.default_rng(1000 + seed)
    search, made = SEARCHES[strategy](space, np.random.default_rng(seed), hints or Hints()), []
    request = next(search, None)
    while request is not None and len(made) < trials:
        scores = [score(p, noise / np.sqrt(request.share), rng) if noise else score(p) for p in request.points]
        made += zip(request.points, [request.share] * len(scores), scores, strict=True)
        try:
            request = search.send(scores)
        except StopIteration:
            break
    return made


__all__ = ["BEST", "SMALL", "SPACE", "driven", "surface"]
