"""Statistics of repeated measurements."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


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
    """

    requests: int
    batch: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float

    @staticmethod
    def of(seconds: Sequence[float], batch: int) -> "Latency":
        """Return the statistics of request durations in seconds."""
        p50, p90, p99, longest = (1e3 * float(v) for v in np.percentile(seconds, (50, 90, 99, 100)))
        return Latency(len(seconds), batch, p50, p90, p99, longest)


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
