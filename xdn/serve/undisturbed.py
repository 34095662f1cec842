"""What a run would take if nothing else ran on the machine, by the processor time of the threads that it had."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

#: A run takes up to so many times the processor time of its busiest thread, and so many seconds more, where threads
#: wait for each other; what is beyond that is time in which other programs had the processors.
_WAITS, _WAIT_S = 1.1, 0.0002


class Taken(NamedTuple):
    """Seconds of a run: those that passed, and those that would have passed without other programs."""

    seconds: float
    undisturbed_s: float


def timed(run: Callable[[], object], compile_s: Callable[[], float]) -> Taken:
    """Return what a run takes beside compiling.

    Parameters
    ----------
    run : callable
    compile_s : callable
        Gives the seconds that this thread has compiled for so far.
    """
    compiled, before, begun = compile_s(), _processor_s(), time.perf_counter()
    run()
    seconds, after, compiled = time.perf_counter() - begun, _processor_s(), compile_s() - compiled
    used = {number: now_s - before.get(number, 0.0) for number, now_s in after.items()}
    own = threading.get_native_id()
    if own in used:
        used[own] -= compiled
    busiest_s = max(used.values(), default=0.0)
    most_s = _WAITS * busiest_s + _WAIT_S if busiest_s > 0 else seconds
    return Taken(seconds - compiled, min(seconds - compiled, most_s))


def _processor_s() -> dict[int, float]:
    """Return the processor time of each thread by its number in the system; none where that has no such clocks."""
    found = {}
    for number in filter(None, (thread.native_id for thread in threading.enumerate())):
        with suppress(OSError, OverflowError):  # it has ended, or this is not Linux, which makes the clock's number so
            found[number] = time.clock_gettime(~number << 3 | 6)
    return found
