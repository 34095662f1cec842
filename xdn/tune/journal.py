"""The record of a search while it goes on."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from xdn.errors import DataError
from xdn.tune.meter import Score
from xdn.tune.store import Key, Result, Store
from xdn.tune.trial import Trial

log = logging.getLogger(__name__)


class Journal:
    """The trials of one search, on record as soon as each is done: a search that is cut off loses none of them.

    A search does not end where the store cannot be written; one warning says that it is not kept.

    Parameters
    ----------
    store : Store
    study : str
        What two searches have in common that ask for the same trials.
    told : callable
        Called with each trial that was not on record.
    """

    def __init__(self, store: Store, study: str, told: Callable[[Trial], None] = lambda trial: None):
        self._store, self._study, self._told = store, study, told
        before = store.trials(study)
        self._known = {_key(trial.values, trial.share): Score(trial.score, trial.error) for trial in before}
        self._count, self._writes, self._begin = len(before), True, time.perf_counter()
        #: Trials of this run, in order; those on record among them.
        self.trials: list[Trial] = []

    @property
    def seconds(self) -> float:
        """Seconds since the search began."""
        return time.perf_counter() - self._begin

    def known(self, values: Mapping[str, Any], share: float) -> Score | None:
        """Return the score of a trial that is on record, None where it is not."""
        return self._known.get(_key(values, share))

    def add(self, values: Mapping[str, Any], share: float, score: Score) -> None:
        """Add a trial, and put it on record where it is not."""
        trial = Trial(values, share, score.ratio, score.error, self.seconds)
        self.trials.append(trial)
        if self.known(values, share) is not None:
            return
        if self._writes:
            self._try(lambda: self._store.add_trial(self._study, self._count, trial), "what this search finds")
        self._count += 1
        self._told(trial)

    def end(self, key: Key, result: Result) -> None:
        """Keep the result of the search, which is done, and drop the record."""

        def keep() -> None:
            """Write both."""
            self._store.put(key, result)
            self._store.end_study(self._study)

        # The disk may have room again.
        self._try(keep, "the result of this search")

    def _try(self, write: Callable[[], None], what: str) -> None:
        try:
            write()
        except DataError as error:
            if self._writes:
                log.warning("%s is not kept: %s; --save-config writes the configuration to a file", what, error)
            self._writes = False


def _key(values: Mapping[str, Any], share: float) -> str:
    """Return a trial's key: a store may hold values that cannot be one themselves."""
    return json.dumps([dict(values), share], sort_keys=True)
