"""Scores are relative to the incumbent measured beside them; what fails is a score, not an end."""

from math import inf

import pytest

from xdn.errors import SettingError
from xdn.runtime.configuration import Configuration
from xdn.tune.meter import GIVEN_UP, Meter

DEFAULT = (Configuration(threads=1), None)


class Machine:
    """Sessions and an objective whose costs are set; the machine slows down with everything that is measured."""

    def __init__(self, costs, drift=1.0):
        self.costs, self.drift, self.speed = costs, drift, 1.0
        self.open, self.measured, self.call_images = 0, [], None

    def make(self, configuration):
        if configuration.threads not in self.costs:
            raise SettingError("no such machine", where="threads")
        machine = self
        machine.open += 1

        class Session:
            threads = configuration.threads

            def close(self):
                machine.open -= 1

        return Session()

    def warm(self, session):
        """Nothing to do."""

    def cost(self, session, share):
        self.measured.append((session.threads, round(share, 3), self.call_images))
        self.speed *= self.drift
        cost = self.costs[session.threads]
        if isinstance(cost, Exception):
            raise cost
        return cost * self.speed


def meter_of(costs, drift=1.0):
    machine = Machine(costs, drift)
    return Meter(machine.make, machine, DEFAULT), machine


def test_the_incumbent_is_measured_before_and_after():
    meter, machine = meter_of({1: 10.0, 2: 5.0}, drift=1.1)
    score = meter.score((Configuration(threads=2), None), 0.1)
    assert [who for who, *_ in machine.measured] == [1, 2, 1]
    # Ten per cent slower with each: between its neighbours the machine had nearly the speed of their mean.
    assert score.ratio == pytest.approx(0.5, rel=0.01)


def test_what_is_slower_in_a_part_is_not_measured_whole():
    meter, machine = meter_of({1: 10.0, 2: 10.0 * GIVEN_UP * 1.01, 3: 10.0})
    assert meter.score((Configuration(threads=2), None), 1.0).ratio > GIVEN_UP
    assert [(who, share) for who, share, _ in machine.measured] == [(1, 0.111), (2, 0.111), (1, 0.111)]
    machine.measured.clear()
    assert meter.score((Configuration(threads=3), None), 1.0).ratio == 1.0
    # What stood after the last trial stands before this one.
    assert [(who, share) for who, share, _ in machine.measured] == [
        (3, 0.111), (1, 0.111), (1, 1.0), (3, 1.0), (1, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [MemoryError(), SettingError("wrong")])
def test_failures_are_scores_with_a_reason(error):
    meter, machine = meter_of({1: 1.0, 2: error})
    for threads in (2, 9):
        score = meter.score((Configuration(threads=threads), None), 0.1)
        assert score.ratio == inf
        assert score.error
    assert machine.open == 1
    meter.close()
    assert machine.open == 0


def test_other_errors_are_not_hidden():
    meter, _ = meter_of({1: 1.0, 2: ZeroDivisionError()})
    with pytest.raises(ZeroDivisionError):
        meter.score((Configuration(threads=2), None), 0.1)


def test_a_setup_may_choose_the_images_of_a_call():
    meter, machine = meter_of({1: 1.0, 2: 1.0})
    meter.score((Configuration(threads=2), 8), 0.1)
    assert (2, 0.1, 8) in machine.measured


def test_costs_are_measured_in_turn():
    meter, machine = meter_of({1: 1.0, 2: 2.0})
    assert meter.costs([DEFAULT, (Configuration(threads=2), None)], 3) == [[1.0] * 3, [2.0] * 3]
    assert [who for who, *_ in machine.measured] == [1, 2] * 3
    assert machine.open == 1
