"""Rounds of a kernel: how many there are, and what is known of the best."""

import numpy as np
import pytest

from tests.runtime.cpu.test_executor import few_threads
from xdn.codegen.target import host_target
from xdn.errors import SettingError
from xdn.kernels.machine import peak
from xdn.runtime import rounds
from xdn.runtime.peak import probe_of
from xdn.runtime.rounds import best_ns


def probes(count, steps=100):
    target = host_target()
    return peak.peak(target), [probe_of(peak.chain_operands(target), steps) for _ in range(count)]


@pytest.mark.parametrize("threads", [1, 3])
def test_every_thread_runs_its_own(threads):
    source, each = probes(threads)
    ns, _ = best_ns(source, each, 2)
    assert ns > 0
    totals = [float(np.frombuffer(probe.keep[1], np.float32)[0]) for probe in each]
    assert totals == [peak.accumulators(host_target())] * threads


@pytest.mark.parametrize(
    ("taken", "most", "found"),
    [
        # The best comes among the first rounds, which are run in any case; the tenth is not run.
        ([100, 101, 102, 50, 51, 51, 60, 70, 90, 10], 20, (50, True)),
        ([100, 101, 102, 103, 104, 105, 106, 107, 10], 20, (100, True)),
        ([100, 200, 300], 3, (100, False)),
        ([100, 100, 100], 3, (100, True)),
        ([100, 100], 2, (100, False)),
        ([-100, -100, -100, -100], 4, (100, False)),
        ([-100, 101, 102, 103, 200, 200, 200, 200, 90], 20, (100, True)),
        ([100, 200, 200, 200, 200, 200, 200, 200, 101, 102, 10], 20, (100, True)),
    ],
)
def test_the_best_is_sure_when_three_undisturbed_rounds_came_near_to_it(taken, most, found, monkeypatch):
    """Disturbed rounds are given as negative times."""

    def told(*args):
        yield from (rounds.Round(abs(ns), ns > 0) for ns in taken)

    monkeypatch.setattr(rounds, "_rounds", told)
    assert best_ns(*probes(1), most) == found


def test_threads_that_cannot_start_are_an_error_and_none_waits_for_them(monkeypatch):
    few_threads(monkeypatch, 2)
    with pytest.raises(SettingError, match="does not start 3 threads"):
        best_ns(*probes(3), 1)
