"""The peaks of the machine, as percentages of which kernels are judged: f32 arithmetic, and reading memory."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.codegen.native import kernel_at
from xdn.codegen.source import KernelSource
from xdn.codegen.target import host_target
from xdn.element import REAL, real
from xdn.kernels.core.descriptor import Descriptor
from xdn.kernels.core.frame import Frame
from xdn.kernels.core.layout import aligned_bytes
from xdn.kernels.machine import bandwidth, peak
from xdn.kernels.machine.bandwidth import Reading
from xdn.kernels.machine.peak import Chains
from xdn.runtime.cpu.threads.count import starting_threads


def measured_peak(threads: int) -> float:
    """Return the GFLOP/s that `threads` threads reach together in fused multiply-adds that touch registers alone.

    All threads begin at once and do the same work; the slowest one's time counts, in the best of many short runs, since
    whatever else goes on in the machine only makes a run slower. A multiply-add counts as two operations.

    Parameters
    ----------
    threads : int
        At least 1.
    """
    target = host_target()
    # Every chain ends at 0.5 / (1 - 0.5) = 1.
    starts = np.linspace(1, 2, peak.accumulators(target))
    values = np.concatenate([[0.5, 0.5], starts]).astype(real)
    each = [Chains(values=values, steps=settings.PEAK_STEPS, total=np.zeros(1, real)) for _ in range(threads)]
    best_ns = _best_ns(peak.peak(target), each, settings.PEAK_RUNS)
    return settings.PEAK_STEPS * peak.step_flops(target) * threads / best_ns


def measured_bandwidth(threads: int) -> float:
    """Return the 10**9 bytes a second that `threads` threads read together from memory that no cache holds.

    Each reads a part of one array from its start to its end; measured as `measured_peak` is.

    Parameters
    ----------
    threads : int
        At least 1.
    """
    target = host_target()
    step_bytes = bandwidth.step_elements(target) * REAL.bytes
    steps = settings.BANDWIDTH_BYTES // threads // step_bytes
    values = aligned_bytes(threads * steps * step_bytes, settings.PAGE_BYTES)
    # Pages that nobody wrote would all be one page of zeros.
    values[:: settings.PAGE_BYTES] = 1
    parts = values.view(real).reshape(threads, -1)
    each = [Reading(values=part, steps=steps, total=np.zeros(1, real)) for part in parts]
    best_ns = _best_ns(bandwidth.reading(target), each, settings.BANDWIDTH_RUNS)
    return values.nbytes / best_ns


def _best_ns(source: KernelSource, descriptors: Sequence[Descriptor], runs: int) -> int:
    """Return the nanoseconds of the slowest of threads, one for each descriptor, in the best of some runs.

    They begin together.
    """
    kernel, threads = kernel_at(process_loader().address(source)), len(descriptors)
    together = threading.Barrier(threads)

    def work_ns(descriptor: Descriptor) -> int:
        """Return what one thread takes, once all are there."""
        frame = Frame().words
        together.wait()
        begin = time.perf_counter_ns()
        kernel(descriptor.words, frame)
        return time.perf_counter_ns() - begin

    with ThreadPoolExecutor(threads, thread_name_prefix="xdn-peak") as pool:
        try:
            with starting_threads(threads):
                return min(max(pool.map(work_ns, descriptors)) for _ in range(runs))
        finally:
            # Where not all could start, the others must not wait for them.
            together.abort()
