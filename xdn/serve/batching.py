"""Which waiting requests run next: how many of a model's together, and which model's.

Nothing here knows of threads or clocks.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate, islice, takewhile
from math import exp, inf
from typing import TypeVar

from xdn import settings

T = TypeVar("T", bound=Hashable)
#: What a run takes beside that of the session, in seconds: taking requests, joining them, and telling what came of it.
_RUN_S = 0.0002
#: Images that came so many seconds ago count e times less than those that come now.
_OF_LATE_S = 1.0
#: Where nothing keeps up, the fewest images run whose rate is that share of the largest one.
_NEARLY = 0.99


def joined(images: Sequence[int], seconds: Callable[[int], float], most: int, limit_s: float, arriving: float) -> int:
    """Return how many of the waiting requests, the first ones, run together.

    Where runs of b images compute r images a second, and fewer arrive, the w that wait are worked off after
    w / (r - arriving) seconds. Meanwhile w / 2 images wait on average, and another b / 2, as an image is done with all
    of its run: what all wait together is least where (w + b) / (r - arriving) is. So few run together while few wait,
    more where much waits or arrives, and as many as compute most where nothing keeps up with what arrives.

    No run of several takes longer than the limit, unless so many wait that working them off by such runs would take it
    `settings.SATURATED_LIMITS` times: then they are late anyway. Nothing waits for requests that may come: as soon as
    the threads are free, something runs.

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
    arriving : float
        Images a second.
    """
    totals = [images[0], *takewhile(lambda total: total <= most, islice(accumulate(images), 1, None))]
    takes_s = [seconds(total) for total in totals]
    rates = [total / (_RUN_S + run_s) for run_s, total in zip(takes_s, totals, strict=True)]
    waiting = sum(images)
    within = max(1, sum(1 for _ in takewhile(lambda run_s: run_s <= limit_s, takes_s)))
    if waiting <= settings.SATURATED_LIMITS * limit_s * max(rates[:within]):
        del rates[within:]
    if max(rates) <= arriving:
        return 1 + next(place for place, rate in enumerate(rates) if rate >= _NEARLY * max(rates))
    waits = [
        (waiting + total) / (rate - arriving) if rate > arriving else inf
        for total, rate in zip(totals, rates, strict=False)
    ]
    return 1 + waits.index(min(waits))


class Arrivals:
    """How many images come a second, of late.

    Parameters
    ----------
    now_s : float
        The time on some clock, as of all calls.
    """

    def __init__(self, now_s: float):
        self._since_s, self._images, self._a_second = now_s, 0, 0.0

    def came(self, images: int) -> None:
        """Take note of a request."""
        self._images += images

    def leave_out(self, seconds: float) -> None:
        """Leave out a time in which none of them could run, since others did: the rate is of the time for them."""
        self._since_s += seconds

    def a_second(self, now_s: float) -> float:
        """Return how many come a second."""
        if now_s > self._since_s:
            passed_s = now_s - self._since_s
            self._a_second += (1 - exp(-passed_s / _OF_LATE_S)) * (self._images / passed_s - self._a_second)
            self._since_s, self._images = now_s, 0
        return self._a_second


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
