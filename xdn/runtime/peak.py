"""The peak of the machine's f32 arithmetic, as a percentage of which kernels are judged."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from xdn import settings
from xdn.codegen.isa import host_isa
from xdn.codegen.loader import process_loader
from xdn.kernels import peak
from xdn.runtime.native import kernel_at


def measured_peak(threads: int) -> float:
    """Return the GFLOP/s that `threads` threads reach together in fused multiply-adds that touch registers alone.

    All threads begin at once and do the same work; the slowest one's time counts, in the best of many short runs, since
    whatever else goes on in the machine only makes a run slower. A multiply-add counts as two operations.

    Parameters
    ----------
    threads : int
        At least 1.
    """
    isa = host_isa()
    kernel = kernel_at(process_loader().address(peak.peak(isa)))
    # Every chain ends at 0.5 / (1 - 0.5) = 1.
    starts = np.linspace(1, 2, peak.accumulators(isa))
    values = np.concatenate([[0.5, 0.5], starts]).astype(np.float32)
    descriptor = np.zeros(peak.WORD_COUNT, np.int64)
    descriptor[[peak.VALUES, peak.STEPS]] = values.ctypes.data, settings.PEAK_STEPS
    together = threading.Barrier(threads)

    def work_ns(_: int) -> int:
        total = np.zeros(1, np.float32)
        frame = np.array([total.ctypes.data], np.int64)
        together.wait()
        begin = time.perf_counter_ns()
        kernel(descriptor, frame)
        return time.perf_counter_ns() - begin

    with ThreadPoolExecutor(threads, thread_name_prefix="xdn-peak") as pool:
        best_ns = min(max(pool.map(work_ns, range(threads))) for _ in range(settings.PEAK_RUNS))
    return settings.PEAK_STEPS * peak.step_flops(isa) * threads / best_ns
