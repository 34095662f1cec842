"""Whether threads share short runs just now: not while some of them do not get their processor.

Threads that share each layer of an image wait for each other after it. Where another program keeps one of their
processors busy, all wait until the system lets the thread there go on, some milliseconds, where the caller alone would
have been done long before. What runs took tells::

    a shared run took longer than one alone      the next ones are alone, until what was lost is a part of the time
                                                 that has passed; then sharing is tried again
    and so did that one                          that part has to be smaller

Something that passes, such as another engine's threads that still look for work, so costs a few runs only.
"""

import time
from collections import deque

from xdn import settings

#: How much more patience the next shared run takes that lost again.
_GROWTH = 4


class Sharing:
    """What runs of one kind took lately, with all threads and alone; not for use by several threads at once.

    Parameters
    ----------
    threads : int
        That share a run.
    """

    def __init__(self, threads: int):
        self._threads, self._runs, self._not_before = threads, 0, 0.0
        self._patience = settings.SHARING_PATIENCES[0]
        self._took = {shared: deque[float](maxlen=settings.SHARING_RUNS) for shared in (False, True)}

    def is_worth_it(self) -> bool:
        """Return whether the next run is to be shared."""
        self._runs += 1
        # An early run is alone, to know what that takes: where the machine is busy all the time no other would tell.
        return self._runs != settings.SHARING_TRIAL and time.perf_counter() >= self._not_before

    def took(self, shared: bool, seconds: float) -> None:
        """Learn what a run took."""
        self._took[shared].append(seconds)
        if not shared:
            return
        lost, least, most = seconds - self._alone_s(), *settings.SHARING_PATIENCES
        if lost > 0:
            self._not_before = time.perf_counter() + lost * self._patience
            self._patience = min(most, self._patience * _GROWTH)
        else:
            self._patience = least

    def _alone_s(self) -> float:
        """Return about how many seconds a run alone takes at most: as if sharing brought all that it can, and more."""
        shared, alone = self._took[True], self._took[False]
        bound = (self._threads + 0.5) * min(shared)
        return min(bound, min(alone) * settings.SHARING_SLACK) if alone else bound
