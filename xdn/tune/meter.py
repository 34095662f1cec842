"""Measures configurations beside the incumbent, so that a machine whose speed drifts does not decide."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol, TypeVar

from xdn.errors import XdnError
from xdn.evaluate.objective import Objective
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session

T = TypeVar("T")
#: (configuration, images of a call or None for the objective's own) -> what is measured.
Setup = tuple[Configuration, int | None]
#: Configuration -> session of the net; with `profile=True` one that measures each layer.
Make = Callable[..., Session]
#: Of a long measurement a part comes first; what is so many times slower than the incumbent there is not measured on.
PROBE_SHARE, GIVEN_UP = 1 / 9, 1.35
#: Shares from which on that is worth a measurement of its own.
_WORTH_A_PROBE = 1 / 2
#: Whatever XDN refuses, and lack of memory, is the setup's failure, not the search's.
FAILURES = (XdnError, MemoryError, OSError)


@dataclass(frozen=True)
class Score:
    """A cost relative to the incumbent's; infinite with the reason where there is none."""

    ratio: float
    error: str = ""

    @staticmethod
    def failed(error: BaseException) -> "Score":
        """Return the score of a setup that raised one of `FAILURES`."""
        return Score(inf, f"{type(error).__name__}: {error}")


class Measures(Protocol):
    """What a study measures by: `Meter`, or several of them on other machines."""

    #: How many setups are measured at a time.
    at_once: int

    def scores(self, setups: Sequence[Setup], share: float) -> Iterator[Score]:
        """Yield the cost of each setup relative to the incumbent's, in order."""
        ...

    def costs(self, setups: Sequence[Setup], rounds: int) -> list[list[float]]:
        """Return the costs of each setup, measured in turn on one machine, `rounds` times."""
        ...

    def percent_correct(self, setup: Setup) -> float:
        """Return how many of the objective's images a setup classifies correctly, in percent."""
        ...

    def full_s(self) -> float:
        """Return the seconds of a whole measurement of the incumbent."""
        ...

    def close(self) -> None:
        """End what measures."""
        ...


class Meter:
    """Sessions of a net, an objective, and the incumbent.

    Parameters
    ----------
    make : callable
        Configuration -> session of the net.
    objective : Objective
    incumbent : (Configuration, int or None)
        What all others are compared with.
    """

    at_once = 1

    def __init__(self, make: Make, objective: Objective, incumbent: Setup):
        self._make, self.objective, self.incumbent = make, objective, incumbent
        self._own = make(incumbent[0])
        self._warm(self._own, incumbent)
        # Share -> what the measurement of the incumbent gave that was the last.
        self._before: dict[float, Any] = {}

    def close(self) -> None:
        """End the incumbent's threads."""
        self._own.close()

    def scores(self, setups: Sequence[Setup], share: float) -> Iterator[Score]:
        """Measure one setup after the other, each when it is asked for (`score`)."""
        return (self.score(setup, share) for setup in setups)

    def score(self, setup: Setup, share: float) -> Score:
        """Return the cost of a setup relative to the incumbent's, which is measured before and after it."""
        try:
            with self.session(setup) as session:
                if share >= _WORTH_A_PROBE:
                    probe = self._ratio(session, setup, PROBE_SHARE)
                    if probe > GIVEN_UP:
                        return Score(probe)
                return Score(self._ratio(session, setup, share))
        except FAILURES as error:
            return Score.failed(error)

    def costs(self, setups: Sequence[Setup], rounds: int) -> list[list[float]]:
        """Return the costs of each setup, measured in turn, `rounds` times."""
        found: list[list[float]] = [[] for _ in setups]
        with ExitStack() as stack:
            sessions = [stack.enter_context(self.session(setup)) for setup in setups]
            for _ in range(rounds):
                for costs, session, setup in zip(found, sessions, setups, strict=True):
                    costs.append(self._cost(session, setup, 1.0))
        return found

    def percent_correct(self, setup: Setup) -> float:
        """Return how many of the objective's images a setup classifies correctly, in percent."""
        with self.session(setup) as session:
            return self.objective.percent_correct(session)

    def full_s(self) -> float:
        """Return the seconds of a whole measurement of the incumbent."""
        begin = time.perf_counter()
        self._cost(self._own, self.incumbent, 1.0)
        return time.perf_counter() - begin

    def beside(
        self, measure: Callable[[Session, Setup, float], T], session: Session, setup: Setup, share: float
    ) -> tuple[T, T, T]:
        """Return what is measured of the incumbent, of a setup's session, and of the incumbent again."""
        before = self._before.pop(share, None) or measure(self._own, self.incumbent, share)
        found = measure(session, setup, share)
        after = measure(self._own, self.incumbent, share)
        # It stands before the next trial of this share, too, if that follows at once.
        self._before = {share: after}
        return before, found, after

    @contextmanager
    def session(self, setup: Setup) -> Iterator[Session]:
        """Open a session of a setup, and let it do what its first call alone does."""
        session = self._make(setup[0])
        try:
            self._warm(session, setup)
            yield session
        finally:
            session.close()

    def _ratio(self, session: Session, setup: Setup, share: float) -> float:
        before, cost, after = self.beside(self._cost, session, setup, share)
        return 2 * cost / (before + after)

    def _cost(self, session: Session, setup: Setup, share: float) -> float:
        self._set_call(setup)
        return self.objective.cost(session, share)

    def _warm(self, session: Session, setup: Setup) -> None:
        self._set_call(setup)
        self.objective.warm(session)

    def _set_call(self, setup: Setup) -> None:
        if setup[1] is not None:
            self.objective.call_images = setup[1]
