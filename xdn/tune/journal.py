"""The record of a search while it goes on."""

import logging
from collections.abc import Callable

from xdn.errors import DataError
from xdn.tune.store import Key, Result, Store
from xdn.tune.trial import Trial

log = logging.getLogger(__name__)


class Journal:
    """The trials of one search, on record as soon as each is done: a search that is cut off loses none of them.

    A search does not end where the store cannot be written; one warning says that it is not kept.
    """

    def __init__(self, store: Store, study: str):
        self._store, self._study = store, study
        #: Trials of the search before it was cut off.
        self.before = store.trials(study)
        self._count = len(self.before)
        self._writes = True

    def add(self, trial: Trial) -> None:
        """Put a trial on record."""
        if self._writes:
            self._try(lambda: self._store.add_trial(self._study, self._count, trial), "what this search finds")
        self._count += 1

    def end(self, key: Key, result: Result) -> None:
        """Keep the result of the search, which is done, and drop the record."""

        def keep() -> None:
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
