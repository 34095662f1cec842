"""How long a tick of the processor's counter is."""

import time
from collections.abc import Callable

from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.codegen.native import kernel_at
from xdn.codegen.target import host_target
from xdn.graph import Array
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine.clock import Clock, clock

#: Readings of both clocks of which the closest pair counts: between two others the system may have taken the processor.
READINGS = 7


class TickClock:
    """Compares the processor's counter with `time.perf_counter_ns`, from its making on."""

    def __init__(self) -> None:
        self._read = kernel_at(process_loader().address(clock(host_target())))
        self._first = self._both()

    def ns_per_tick(self) -> float:
        """Return nanoseconds a tick, measured since the clock was made; waits where that was a moment ago."""
        first_ticks, first_ns = self._first
        missing_s = settings.CALIBRATION_S - 1e-9 * (time.perf_counter_ns() - first_ns)
        if missing_s > 0:
            time.sleep(missing_s)
        ticks, ns = self._both()
        return (ns - first_ns) / (ticks - first_ticks)

    def ns_of(self) -> Callable[[Array], Array]:
        """Return the function from ticks to nanoseconds of `time.perf_counter_ns`, f64, by the rate measured now."""
        (first_ticks, first_ns), rate = self._first, self.ns_per_tick()
        return lambda ticks: first_ns + rate * (ticks - first_ticks)

    def _both(self) -> tuple[int, int]:
        """Return (ticks, nanoseconds) of one moment."""
        now, frame, readings = Clock(), Frame().words, []
        for _ in range(READINGS):
            before = time.perf_counter_ns()
            self._read(now.words, frame)
            after = time.perf_counter_ns()
            readings.append((after - before, now.ticks, (before + after) // 2))
        _, ticks, ns = min(readings)
        return ticks, ns
