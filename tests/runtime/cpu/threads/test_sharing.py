"""Runs are shared while that is faster, and alone for a while after one that was not."""

import numpy as np
import pytest

from tests.runtime.cpu.test_executor import residual_net
from xdn import settings
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.threads import sharing as module
from xdn.runtime.cpu.threads.sharing import Sharing
from xdn.runtime.session import Session

ALONE_S, SHARED_S = 0.010, 0.006


class Machine:
    """A clock that runs only while something is computed, and threads that may not get their processors."""

    def __init__(self, threads=2):
        self.now, self.stalled_s, self.runs = 0.0, 0.0, []
        self.sharing = Sharing(threads)

    def perf_counter(self):
        return self.now

    def run(self, count):
        """Run so often; return how many of the runs were shared."""
        before = len(self.runs)
        for _ in range(count):
            shared = self.sharing.is_worth_it()
            seconds = SHARED_S + self.stalled_s if shared else ALONE_S
            self.now += seconds
            self.runs.append((shared, seconds))
            self.sharing.took(shared, seconds)
        return sum(shared for shared, _ in self.runs[before:])


@pytest.fixture
def machine(monkeypatch):
    made = Machine()
    monkeypatch.setattr(module, "time", made)
    return made


def test_an_idle_machine_shares_all_runs_but_the_trial(machine):
    assert machine.run(200) == 199
    assert [number for number, (shared, _) in enumerate(machine.runs, 1) if not shared] == [settings.SHARING_TRIAL]


@pytest.mark.parametrize("stalled_s", [0.004, 0.05, 1.0])
def test_a_busy_processor_costs_a_small_part_of_the_time(machine, stalled_s):
    machine.run(20)
    machine.stalled_s = stalled_s
    begin = machine.now
    machine.run(2000)
    lost = sum(seconds - ALONE_S for shared, seconds in machine.runs[20:] if shared)
    # The last try may have been just now.
    assert lost <= (machine.now - begin) / settings.SHARING_PATIENCES[1] * 1.3 + 2 * stalled_s


def test_one_run_that_loses_costs_few_alone(machine):
    """Of another engine's threads that end soon: each time after good runs anew."""
    machine.run(20)
    for _ in range(3):
        machine.stalled_s = 0.03
        machine.run(1)
        machine.stalled_s = 0.0
        assert machine.run(10) >= 4
        assert machine.run(30) == 30


def test_a_machine_that_is_busy_from_the_first_run_on(machine):
    machine.stalled_s = 0.05
    machine.run(1000)
    assert machine.now < 1000 * ALONE_S * 1.25


def test_sharing_comes_back_with_the_processor(machine):
    machine.run(20)
    machine.stalled_s = 0.05
    machine.run(100)
    machine.stalled_s = 0.0
    machine.run(settings.SHARING_PATIENCES[1] * 5 + 1)
    assert machine.run(50) == 50


def test_a_machine_that_becomes_slower_as_a_whole_goes_on_sharing(machine, monkeypatch):
    machine.run(50)
    monkeypatch.setitem(globals(), "SHARED_S", 1.2 * SHARED_S)
    monkeypatch.setitem(globals(), "ALONE_S", 1.2 * ALONE_S)
    assert machine.run(100) == 100


def test_runs_alone_and_shared_give_the_same_bits(monkeypatch):
    net = residual_net()
    x = {"x": np.random.default_rng(5).standard_normal((1, 3, 6, 5), np.float32)}
    shapes = []
    monkeypatch.setattr(Sharing, "is_worth_it", lambda self: len(shapes) % 2 == 0)
    monkeypatch.setattr(Sharing, "took", lambda self, shared, seconds: shapes.append(shared))
    with_two = Session(net, threads=2)
    results = [with_two.run(None, x) for _ in range(4)]
    assert shapes == [True, False, True, False]
    expected = Session(net, threads=1).run(None, x)
    assert all(np.array_equal(a, b) for result in results for a, b in zip(result, expected, strict=True))


@pytest.mark.parametrize("options", [{"profile": True}, {"configuration": Configuration(members=2)}])
def test_what_is_measured_or_asked_for_is_shared_always(monkeypatch, options):
    monkeypatch.setattr(Sharing, "is_worth_it", lambda self: pytest.fail("there is nothing to decide"))
    session = Session(residual_net(), threads=2, **options)
    session.run(None, {"x": np.zeros((1, 3, 6, 5), np.float32)})
