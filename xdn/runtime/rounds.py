"""What a kernel takes that several threads run at once, again and again: the way all probes are measured.

All threads of a round begin at once; the slowest one's time counts. Whatever else goes on in the machine only makes a
round slower, so that the best of many tells what the machine can. Where a thread had its processor for a part of the
time only, another program disturbed the round.
"""

import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import NamedTuple

import numpy as np

from xdn.codegen.loader import process_loader
from xdn.codegen.native import kernel_at
from xdn.codegen.source import KernelSource
from xdn.kernels.core.descriptor import Descriptor
from xdn.kernels.core.frame import Frame
from xdn.runtime.cpu.threads.count import starting_threads

#: A best time is sure when so many undisturbed rounds came so near to it.
SURE_ROUNDS, NEAR = 3, 1.03
#: Rounds at least, if so many are allowed: another machine's use of the memory lasts for some.
LEAST_ROUNDS = 8
#: The part of a round during which each thread has a processor, if nothing disturbs it.
UNDISTURBED = 0.97


class Round(NamedTuple):
    """Nanoseconds of the slowest thread, and whether all threads had a processor all the time."""

    ns: int
    undisturbed: bool


def best_ns(
    source: KernelSource, descriptors: Sequence[Descriptor], most: int, frames: Sequence[np.ndarray] = ()
) -> tuple[int, bool]:
    """Return the nanoseconds of the best round, and whether it is sure.

    Parameters
    ----------
    source : KernelSource
    descriptors : sequence of Descriptor
        One for each thread.
    most : int
        Rounds at most; after `LEAST_ROUNDS` there are no more once the best is sure.
    frames : sequence of words, optional
        One for each thread; default: those of threads that have nothing in common.
    """
    taken: list[Round] = []
    with closing(_rounds(source, descriptors, frames)) as rounds:
        for each in islice(rounds, most):
            taken.append(each)
            if len(taken) >= LEAST_ROUNDS and _is_sure(taken):
                break
    return min(taken).ns, _is_sure(taken)


def _is_sure(taken: Sequence[Round]) -> bool:
    near_ns = NEAR * min(taken).ns
    return sum(each.undisturbed and each.ns <= near_ns for each in taken) >= SURE_ROUNDS


def _rounds(
    source: KernelSource, descriptors: Sequence[Descriptor], frames: Sequence[np.ndarray]
) -> Generator[Round, None, None]:
    """Yield one round after the other."""
    kernel, threads = kernel_at(process_loader().address(source)), len(descriptors)
    together = threading.Barrier(threads)
    told = [*zip(descriptors, frames or [Frame().words for _ in descriptors], strict=True)]

    def work(own: tuple[Descriptor, np.ndarray]) -> Round:
        descriptor, frame = own
        together.wait()
        begin, begin_own = time.perf_counter_ns(), time.thread_time_ns()
        kernel(descriptor.words, frame)
        own_ns, ns = time.thread_time_ns() - begin_own, time.perf_counter_ns() - begin
        return Round(ns, own_ns >= UNDISTURBED * ns)

    with ThreadPoolExecutor(threads, thread_name_prefix="xdn-probe") as pool:
        try:
            with starting_threads(threads):
                while True:
                    each = list(pool.map(work, told))
                    yield Round(max(each).ns, all(one.undisturbed for one in each))
        finally:
            # Where not all could start, the others must not wait for them.
            together.abort()
