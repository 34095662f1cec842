"""Run the inputs of one target in a process of its own, with limits of time and memory."""

import logging
import os
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from tools.fuzz.mutate import Mutator
from tools.fuzz.targets import find_target, remove_folder

STATM = Path("/proc/self/statm")
#: How many times the memory that inputs may take is the address space that the process may have.
_ADDRESSES = 8
#: Inputs between two reports of a worker.
REPORTED = 100


class HangError(BaseException):
    """An input took more of the processor's time than it may.

    It is not an `Exception`, so that no reader takes it for one of its own.
    """


@dataclass
class Failure:
    """An input that made its reader raise what it must not, hang, or end the process."""

    number: int
    kind: str
    detail: str = ""


@dataclass
class Report:
    """What came of inputs.

    Parameters
    ----------
    done, accepted : int
        How many were run, and how many of them the reader took.
    failures : list of Failure
    slowest_s : float
        Of the processor's time.
    peak_bytes : int
        How far the process's memory grew beyond what it was before the first input.
    """

    done: int = 0
    accepted: int = 0
    failures: list[Failure] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_bytes: int = 0

    def add(self, other: "Report") -> None:
        """Add what another report says."""
        self.done, self.accepted = self.done + other.done, self.accepted + other.accepted
        self.failures += other.failures
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)


def limit_memory(limit_bytes: int) -> None:
    """Let this process have so many more bytes than it has now."""
    now = int(STATM.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + limit_bytes, resource.RLIM_INFINITY))


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise HangError in what takes more of the processor's time: others may have it meanwhile."""

    def expired(signum: int, frame: FrameType | None) -> None:
        raise HangError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, expired)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def peak_bytes() -> int:
    """Return the most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def run_one(mutator: Mutator, seed: int, number: int, seconds: float, report: Report, most_bytes: float = inf) -> None:
    """Run one input and enter what came of it into `report`; `most_bytes` is the most that the process may grow to."""
    content, had = mutator.input(seed, number), peak_bytes()
    begin, failed, accepted = time.process_time(), len(report.failures), False
    try:
        with limited(seconds):
            accepted = mutator.target.accepts(content)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = getattr(error, "kind", f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}")
        report.failures.append(Failure(number, kind, "".join(traceback.format_exception(error))))
    # Of libraries in C no exception tells of memory: OpenCV refuses an image for which there is none.
    if had <= most_bytes < peak_bytes():
        report.failures.append(Failure(number, f"memory: {(peak_bytes() - had) >> 20} MiB"))
    report.slowest_s = max(report.slowest_s, time.process_time() - begin)
    report.done += 1
    report.accepted += accepted and len(report.failures) == failed


def work(pipe: Connection, name: str, seed: int, start: int, stop: int, seconds: float, memory_bytes: int) -> None:
    """Run inputs `start` to `stop` of a target; send the number of each before it is run, and reports.

    The numbers tell which input ended the process, where one did.
    """
    logging.disable(logging.CRITICAL)
    mutator = Mutator.of(find_target(name))
    # Libraries in C tell of damaged images.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for content in mutator.seeds[:1]:
        mutator.target.accepts(content)
    limit_memory(_ADDRESSES * memory_bytes)
    before = peak_bytes()
    report = Report()
    for number in range(start, stop):
        pipe.send(number)
        run_one(mutator, seed, number, seconds, report, before + memory_bytes)
        if report.done == REPORTED or report.failures or number == stop - 1:
            report.peak_bytes = peak_bytes() - before
            pipe.send(report)
            report = Report()
    pipe.close()
    remove_folder()
