"""What a kernel takes that several threads run at once, again and again: the way all probes are measured.

All threads of a round begin at once; the slowest one's time counts. Whatever else goes on in the machine only makes a
round slower, so that the best of many tells what the machine can.
"""

import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice

import numpy as np

from xdn.codegen.loader import process_loader
from xdn.codegen.native import kernel_at
from xdn.codegen.source import KernelSource
from xdn.kernels.core.descriptor import Descriptor
from xdn.kernels.core.frame import Frame
from xdn.runtime.cpu.threads.count import starting_threads

#: A best time is sure when so many rounds came so near to it.
SURE_ROUNDS, NEAR = 3, 1.03


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
        Rounds at most; there are no more once the best is sure.
    frames : sequence of words, optional
        One for each thread; default: those of threads that have nothing in common.
    """
    taken: list[int] = []
    with closing(_rounds_ns(source, descriptors, frames)) as rounds:
        for ns in islice(rounds, most):
            taken.append(ns)
            if _is_sure(taken):
                break
    return min(taken), _is_sure(taken)


def _is_sure(taken: Sequence[int]) -> bool:
    return sum(ns <= NEAR * min(taken) for ns in taken) >= SURE_ROUNDS


def _rounds_ns(
    source: KernelSource, descriptors: Sequence[Descriptor], frames: Sequence[np.ndarray]
) -> Generator[int, None, None]:
    """Yield the nanoseconds of the slowest thread of one round after the other."""
    kernel, threads = kernel_at(process_loader().address(source)), len(descriptors)
    together = threading.Barrier(threads)
    told = [*zip(descriptors, frames or [Frame().words for _ in descriptors], strict=True)]

    def work_ns(own: tuple[Descriptor, np.ndarray]) -> int:
        descriptor, frame = own
        together.wait()
        begin = time.perf_counter_ns()
        kernel(descriptor.words, frame)
        return time.perf_counter_ns() - begin

    with ThreadPoolExecutor(threads, thread_name_prefix="xdn-probe") as pool:
        try:
            with starting_threads(threads):
                while True:
                    yield max(pool.map(work_ns, told))
        finally:
            # Where not all could start, the others must not wait for them.
            together.abort()
