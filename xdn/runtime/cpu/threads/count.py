"""How many threads to use, where nobody says: what this process may really have; and what to do where it gets none."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from xdn import settings
from xdn.cpus import available_cpus
from xdn.errors import SettingError

log = logging.getLogger(__name__)


def default_threads() -> int:
    """Return the number of threads to use: XDN_THREADS, OMP_NUM_THREADS, else what affinity and quota allow.

    The environment, which may have been written for another machine, does not ask for more than these.
    """
    available = available_cpus()
    for flag in ("XDN_THREADS", "OMP_NUM_THREADS"):
        asked = settings.positive_int(flag)
        if asked and asked > available:
            warn_once(f"{flag} asks for {asked} threads; {_processors(available)}, and so many threads are used")
        if asked:
            return min(asked, available)
    return available


def checked_threads(threads: int | None) -> int:
    """Return `threads`, or the default for None, and warn of more than there are processors.

    Raises
    ------
    SettingError
        Below 1, and for more than any machine has use for.
    """
    if threads is None:
        return default_threads()
    if not 1 <= threads <= settings.MAX_THREADS:
        raise SettingError(f"{threads} threads; 1 to {settings.MAX_THREADS} are possible", where="threads")
    if threads > (available := available_cpus()):
        warn_once(f"{threads} threads are asked for; {_processors(available)}: more threads make runs slower")
    return threads


def _processors(count: int) -> str:
    return "1 processor is available" if count == 1 else f"{count} processors are available"


@cache
def warn_once(text: str) -> None:
    """Say something once: a process may have many sessions."""
    log.warning("%s", text)


@contextmanager
def starting_threads(count: int) -> Iterator[None]:
    """Let Python's error where the system starts no further thread be a SettingError about `count` threads."""
    try:
        yield
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        mend = "Ask for fewer with XDN_THREADS (or xdn-run --threads), or raise the limits (ulimit -u, ulimit -v)"
        raise SettingError(f"the system does not start {count} threads", where="threads", mend=mend) from None
