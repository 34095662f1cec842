"""The peaks of the machine, as percentages of which kernels are judged: f32 arithmetic, and reading memory."""

import numpy as np

from xdn import settings
from xdn.codegen.target import host_target
from xdn.element import REAL, real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_bytes
from xdn.kernels.machine import bandwidth, peak
from xdn.kernels.machine.probe import Probe
from xdn.runtime.rounds import best_ns


def measured_peak(threads: int) -> float:
    """Return the GFLOP/s that `threads` threads reach together in fused multiply-adds that touch registers alone.

    A multiply-add counts as two operations.

    Parameters
    ----------
    threads : int
        At least 1.
    """
    target = host_target()
    each = [probe_of(peak.chain_operands(target), settings.PEAK_STEPS) for _ in range(threads)]
    ns, _ = best_ns(peak.peak(target), each, settings.PEAK_RUNS)
    return settings.PEAK_STEPS * peak.step_flops(target) * threads / ns


def measured_bandwidth(threads: int) -> float:
    """Return the 10**9 bytes a second that `threads` threads read together from memory that no cache holds.

    Each reads an array of its own from its start to its end.

    Parameters
    ----------
    threads : int
        At least 1.
    """
    gbytes, _ = read_gbytes(settings.BANDWIDTH_BYTES // threads, threads, 1, settings.BANDWIDTH_RUNS)
    return gbytes


def probe_of(values: Array, steps: int, around: int = 1) -> Probe:
    """Return what a thread is told of operands of its own."""
    return Probe(values=values, steps=steps, around=around, total=np.zeros(1, real))


def read_gbytes(array_bytes: int, threads: int, times: int, rounds: int) -> tuple[float, bool]:
    """Return the 10**9 bytes a second that threads read together, an array each, and whether that is sure.

    Parameters
    ----------
    array_bytes : int
        Of one array, at most: it has a power of two of steps.
    threads, times : int
        How often each reads its array.
    rounds : int
        At most.
    """
    step_bytes = bandwidth.step_elements(host_target()) * REAL.bytes
    steps = 1 << max(0, (array_bytes // step_bytes).bit_length() - 1)
    arrays = [aligned_bytes(steps * step_bytes, settings.PAGE_BYTES) for _ in range(threads)]
    for array in arrays:
        # Pages that nobody wrote would all be one page of zeros.
        array[:: settings.PAGE_BYTES] = 1
    each = [probe_of(array.view(real), times * steps, steps) for array in arrays]
    ns, sure = best_ns(bandwidth.reading(host_target()), each, rounds)
    return threads * times * steps * step_bytes / ns, sure
