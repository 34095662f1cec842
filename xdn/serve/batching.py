"""Which waiting requests run next: how many of a model's together, and which model's.

Nothing here knows of threads or clocks.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate, islice, takewhile
from typing import TypeVar

from xdn import settings

T = TypeVar("T", bound=Hashable)
#: What a run takes beside that of the session, in seconds: taking requests, joining them, and telling what came of it.
_RUN_S = 0.0002


def joined(images: Sequence[int], seconds: Callable[[int], float], most: int, limit_s: float) -> int:
    """Return how many of the waiting requests, the first ones, run together.

    That many with which an image takes least, and of nearly equal ones the fewest, since each waits for all. No run of
    several takes longer than the limit, unless so many wait that working them off by such runs would take it
    `settings.SATURATED_LIMITS` times: then they are late anyway, and as much as possible is computed. Nothing waits for
    requests that may come: as soon as the threads are free, something runs.

    Parameters
    ----------
    images : sequence of int
        Of each waiting request, in their order; at least one.
    seconds : callable
        Images -> what a run of them takes.
    most : int
        The most images that run together.
    limit_s : float
        The longest that a run of several requests may take.
    """
    totals = [images[0], *takewhile(lambda total: total <= most, islice(accumulate(images), 1, None))]
    takes_s = [seconds(total) for total in totals]
    each_s = [(_RUN_S + run_s) / max(1, total) for run_s, total in zip(takes_s, totals, strict=True)]
    within = max(1, sum(1 for _ in takewhile(lambda run_s: run_s <= limit_s, takes_s)))
    if sum(images) * min(each_s[:within]) <= settings.SATURATED_LIMITS * limit_s:
        del each_s[within:]
    chosen = 0
    for last, image_s in enumerate(each_s):
        if image_s < each_s[chosen] * (1 - settings.JOINING_GAIN):
            chosen = last
    return chosen + 1


class Shares:
    """Gives models equal time, or time by their shares, as long as they have requests.

    Each model has a clock, which its runs move on by their seconds over its share; the model whose clock is the
    earliest comes next (stride scheduling: Waldspurger and Weihl, 1995). A model that had nothing to do begins at the
    clock of the model that ran last, so that it has not saved up time.
    """

    def __init__(self) -> None:
        self._clocks: dict[Hashable, float] = {}
        self._now = 0.0

    def woke(self, model: Hashable) -> None:
        """Take note that a model has a request, perhaps after it had none."""
        self._clocks[model] = max(self._now, self._clocks.get(model, 0.0))

    def next_of(self, waiting: Iterable[T]) -> T:
        """Return which of the models that have requests comes next."""
        chosen = min(waiting, key=lambda model: self._clocks.get(model, self._now))
        self._now = self._clocks.get(chosen, self._now)
        return chosen

    def spent(self, model: Hashable, seconds: float, share: float = 1.0) -> None:
        """Take note of what a run of a model took."""
        self._clocks[model] = self._clocks.get(model, self._now) + seconds / share
