"""Search strategies, one a file: which points are measured next, given the scores so far.

A strategy is a generator: it yields a `Request`, is sent the scores of its points, and ends when it has nothing to ask.
It knows nothing of what is measured, nor of time: whoever drives it stops it when the budget is spent. All that is
random comes from one generator, so that the same seed and the same scores give the same requests: a search that was
cut off goes on by being run again, with the scores that are on record.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from xdn.registry import Registry
from xdn.tune.space import Point, Space


@dataclass(frozen=True)
class Request:
    """Points that are to be measured in turn.

    Parameters
    ----------
    points : sequence of Point
    share : float
        Of the full measurement, 0 < share <= 1: a part says less, and takes less time.
    """

    points: Sequence[Point]
    share: float = 1.0


@dataclass(frozen=True)
class Hints:
    """What a strategy may be told.

    Parameters
    ----------
    capacity : float
        About how many points can be measured in full.
    start : Point, optional
        One that is known to be good.
    """

    capacity: float = inf
    start: Point | None = None


#: Yields requests, is sent a score for each point, lower is better, infinite where the point failed.
Search = Generator[Request, Sequence[float], None]
#: (space, random numbers, hints) -> search.
Strategy = Callable[[Space, np.random.Generator, Hints], Search]

#: Name -> strategy.
SEARCHES: Registry[Strategy] = Registry("search strategy", "xdn.tune.search")

#: Points of a request, where a strategy is free: few enough that a budget is not overrun by much.
BATCH = 8
