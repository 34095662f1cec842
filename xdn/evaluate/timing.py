"""Statistics of repeated measurements."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Percentile:
    """Milliseconds that so many of a hundred requests take at most."""

    percent: float
    ms: float


@dataclass(frozen=True)
class Latency:
    """How long single requests take, in milliseconds.

    Parameters
    ----------
    requests : int
        Measured requests.
    batch : int
        Images of a request.
    p50_ms, p90_ms, p99_ms, max_ms : float
        Percentiles and the longest.
    asked : tuple of Percentile
        Those that were asked for.
    """

    requests: int
    batch: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    asked: tuple[Percentile, ...] = ()

    @staticmethod
    def of(seconds: Sequence[float], batch: int, asked: Sequence[float] = ()) -> "Latency":
        """Return the statistics of request durations in seconds; `asked` are percentiles beside the usual ones."""
        p50, p90, p99, longest = (1e3 * float(each) for each in np.percentile(seconds, (50, 90, 99, 100)))
        others = tuple(Percentile(percent, 1e3 * float(np.percentile(seconds, percent))) for percent in asked)
        return Latency(len(seconds), batch, p50, p90, p99, longest, others)

    @property
    def percentiles(self) -> tuple[Percentile, ...]:
        """Those that were asked for, else the usual ones."""
        return self.asked or (Percentile(50, self.p50_ms), Percentile(90, self.p90_ms), Percentile(99, self.p99_ms))


def durations(request: Callable[[int], object], count: int, budget_s: float) -> list[float]:
    """Return the seconds that each of up to `count` requests takes, within a budget; the first is not counted.

    Parameters
    ----------
    request : callable
        Called with the number of the request.
    count : int
        Requests at most.
    budget_s : float
        No request begins later than this; at least one is measured.
    """
    request(0)
    taken: list[float] = []
    begin = time.perf_counter()
    for number in range(count):
        start = time.perf_counter()
        request(number)
        end = time.perf_counter()
        taken.append(end - start)
        if end - begin > budget_s:
            break
    return taken


def run_for(action: Callable[[], object], seconds: float) -> None:
    """Run `action` again and again until so many seconds have passed."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        action()
