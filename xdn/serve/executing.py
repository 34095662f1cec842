"""The thread that runs batches one after another, of the models that have requests, by their shares of the time."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial

from xdn.serve.batching import Shares
from xdn.serve.line import Line, Ran, Waiting, runs
from xdn.serve.messages import UnavailableError

Work = Callable[[], None]


class Executing:
    """Runs what waits, as long as something does; safe to use from any thread.

    Parameters
    ----------
    ran : callable
        Told each run, in the thread that runs.
    """

    def __init__(self, ran: Callable[[Line, Ran], None]):
        self._ran = ran
        self._changed = threading.Condition()
        self._lines: dict[Line, None] = {}
        self._calls: dict[Future[bool], Work] = {}
        self._called_last = False
        self._shares = Shares()
        self._stopped = False
        self._running_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="xdn-serve-runs", daemon=True)

    def start(self) -> None:
        """Begin to run what waits."""
        self._thread.start()

    def put(self, arrived: Iterable[tuple[Line, Waiting]]) -> None:
        """Let requests wait, each in a line; UnavailableError after the end.

        What arrives at a time may run together: the thread is not woken by the first of them.
        """
        with self._changed:
            self._check_not_stopped()
            for line, waiting in arrived:
                line.put(waiting)
                self._lines[line] = None
                self._shares.woke(line.model.name)
            self._changed.notify()

    def drop(self, line: Line, waiting: Waiting) -> None:
        """Do without a request, if it waits still."""
        with self._changed:
            line.drop(waiting)

    def call(self, work: Callable[[], bool]) -> bool:
        """Return what `work` returns, which is called between two batches, while nothing else runs.

        Raises
        ------
        UnavailableError
            Where the end comes before.
        """
        done: Future[bool] = Future()

        def called() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # it is the caller's
                done.set_exception(error)

        with self._changed:
            self._check_not_stopped()
            self._calls[done] = called
            self._changed.notify()
        return done.result()

    def running_s(self) -> float:
        """Return for how long the present run has taken, 0 without one."""
        since = self._running_since
        return 0.0 if since is None else time.monotonic() - since

    def stop(self) -> None:
        """Begin no further run, and wait for the present one."""
        with self._changed:
            self._stopped = True
            while self._calls:
                self._calls.popitem()[0].set_exception(_ended())
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _check_not_stopped(self) -> None:
        if self._stopped:
            raise _ended()

    def _work(self) -> None:
        while (work := self._next()) is not None:
            self._running_since = time.monotonic()
            work()
            del work  # it holds its requests, and nothing else may come for long
            self._running_since = None

    def _next(self) -> Work | None:
        """Return what is done next, waiting for it; None at the end. Calls and batches take turns."""
        with self._changed:
            while not self._stopped:
                self._lines = {line: None for line in self._lines if len(line)}
                self._called_last = bool(self._calls) and not (self._called_last and self._lines)
                if self._called_last:
                    return self._calls.pop(next(iter(self._calls)))
                if self._lines:
                    name = self._shares.next_of([line.model.name for line in self._lines])
                    line = next(line for line in self._lines if line.model.name == name)
                    return partial(self._run, line, line.take())
                self._changed.wait()
        return None

    def _run(self, line: Line, batch: tuple[Waiting, ...]) -> None:
        begun = time.monotonic()
        for ran in runs(line.model, batch):
            self._ran(line, ran)
        with self._changed:
            seconds = time.monotonic() - begun
            self._shares.spent(line.model.name, seconds, line.model.config.share)
            for other in self._lines.keys() - {line}:
                other.arrivals.leave_out(seconds)


def _ended() -> UnavailableError:
    return UnavailableError("the service has stopped")
