"""The rate of the processor's counter."""

import time

import numpy as np
import pytest

from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.codegen.native import kernel_at
from xdn.codegen.target import host_target
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine.clock import Clock, clock
from xdn.runtime.clock import TickClock


def now():
    """Return (ticks, nanoseconds) of one moment: of several readings the one that took least."""
    read, told, found = kernel_at(process_loader().address(clock(host_target()))), Clock(), []
    for _ in range(7):
        before = time.perf_counter_ns()
        read(told.words, Frame().words)
        after = time.perf_counter_ns()
        found.append((after - before, told.ticks, (before + after) // 2))
    return min(found)[1:]


def test_ticks_become_nanoseconds():
    first_ticks, first_ns = now()
    rate = TickClock().ns_per_tick()
    ticks, ns = now()
    assert ns - first_ns >= 1e9 * settings.CALIBRATION_S
    # Two calibrations of one steady counter, each over at least 20 ms and read to a few microseconds.
    assert rate == pytest.approx((ns - first_ns) / (ticks - first_ticks), rel=0.01)


def test_ticks_are_times_of_the_systems_clock():
    clock = TickClock()
    found = [now() for _ in range(2)]
    ticks, ns = (np.array(column) for column in zip(*found, strict=True))
    # Each pair is read to a few microseconds; a busy machine may have taken the processor between the two.
    assert clock.ns_of()(ticks) == pytest.approx(ns, abs=1e6)


def test_a_calibration_over_a_moment_waits(monkeypatch):
    # Long enough that no machine is so busy that it has passed already.
    monkeypatch.setattr(settings, "CALIBRATION_S", 0.4)
    waited = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda s: (waited.append(s), sleep(s)))
    clock = TickClock()
    clock.ns_per_tick()
    assert 0 < sum(waited) <= settings.CALIBRATION_S
    waited.clear()
    clock.ns_per_tick()
    assert waited == []
