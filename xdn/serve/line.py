"""The requests of one model that wait, and the runs that they become."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, islice

import numpy as np

from xdn.graph import Array, Feed
from xdn.serve.batching import Arrivals, joined
from xdn.serve.messages import ServeError, UnavailableError
from xdn.serve.model import Model

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Waiting:
    """A request that is ready to run.

    Parameters
    ----------
    images : int
    feed : mapping
        Input -> array, as sessions read it.
    since_ns : int
        When it began to wait, on the clock of `time.perf_counter_ns`.
    """

    images: int
    feed: Feed
    since_ns: int = field(default_factory=time.perf_counter_ns)


@dataclass(frozen=True, eq=False)
class Ran:
    """A run, and what came of it.

    Parameters
    ----------
    batch : tuple of Waiting
        In the order of their images.
    begun_ns, joined_ns, ended_ns : int
        When the requests were taken, when their inputs were joined, and when the run had ended.
    results : list of array
        The model's outputs, of all images.
    error : ServeError, optional
        In place of results.
    """

    batch: tuple[Waiting, ...]
    begun_ns: int
    joined_ns: int
    ended_ns: int
    results: list[Array]
    error: ServeError | None = None

    @property
    def images(self) -> int:
        """Images of all requests."""
        return sum(waiting.images for waiting in self.batch)

    def results_of(self, waiting: Waiting) -> list[Array]:
        """Return the model's outputs for one of the requests."""
        if len(self.batch) == 1:
            return self.results
        first = self._first_images[waiting]
        return [result[first : first + waiting.images] for result in self.results]

    @cached_property
    def _first_images(self) -> dict[Waiting, int]:
        """Where the images of each request begin."""
        return dict(zip(self.batch, accumulate((each.images for each in self.batch), initial=0), strict=False))


class Line:
    """A model and the requests that wait for it; not safe to use from several threads at once.

    Parameters
    ----------
    model : Model
    limit_s : float
        The longest that a run of several requests may take, unless too many wait (`xdn.serve.batching.joined`).
    close : callable
        Closes the model, which may be running still where nobody waits for the answer.
    """

    def __init__(self, model: Model, limit_s: float, close: Callable[[], object]):
        self.model, self._limit_s, self._close = model, limit_s, close
        self._waiting: dict[Waiting, None] = {}
        #: How many images come.
        self.arrivals = Arrivals(time.perf_counter())
        self._users, self._retired = 0, False

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the model open as long as the block lasts."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_unused()

    def retire(self) -> None:
        """Close the model once nobody uses it."""
        self._retired = True
        self._close_unused()

    def _close_unused(self) -> None:
        if self._retired and not self._users:
            self._close()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """Let a request wait."""
        self._waiting[waiting] = None
        self.arrivals.came(waiting.images)

    def drop(self, waiting: Waiting) -> None:
        """Do without a request, if it waits still."""
        self._waiting.pop(waiting, None)

    def take(self) -> tuple[Waiting, ...]:
        """Return the requests that run next, which do not wait any more; at least one must."""
        count = 1
        if self.model.signature.joins:
            images = [each.images for each in self._waiting]
            arriving = self.arrivals.a_second(time.perf_counter())
            count = joined(images, self.model.times.seconds, self.model.config.max_batch, self._limit_s, arriving)
        chosen = tuple(islice(self._waiting, count))
        for each in chosen:
            del self._waiting[each]
        return chosen


def runs(model: Model, batch: tuple[Waiting, ...]) -> Iterator[Ran]:
    """Run requests together, and yield what came of it.

    Where that fails, for what one of them holds, each runs by itself.
    """
    begun_ns = joined_ns = time.perf_counter_ns()
    results: list[Array] = []
    error = None
    try:
        feed = _joined(batch)
        joined_ns = time.perf_counter_ns()
        results = model.run(feed, sum(waiting.images for waiting in batch))
    except ServeError as found:  # what was raised holds, by its traceback, the inputs until they are looked for
        error = type(found)(found.what, where=found.where, mend=found.mend)
    except Exception as found:  # Whatever a layer raises ends a request, and not the service.
        log.exception("model %s, version %s: a run failed", model.name, model.version)
        error = UnavailableError(f"the run failed: {type(found).__name__}")
    if error is not None and len(batch) > 1:
        for waiting in batch:
            yield from runs(model, (waiting,))
    else:
        yield Ran(batch, begun_ns, joined_ns, time.perf_counter_ns(), results, error)


def _joined(batch: tuple[Waiting, ...]) -> Feed:
    """Return the inputs of all requests as one batch."""
    first = batch[0].feed
    if len(batch) == 1:
        return first
    return {name: np.concatenate([waiting.feed[name] for waiting in batch]) for name in first}
