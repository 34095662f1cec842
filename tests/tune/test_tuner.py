"""A study: budgets, what is on record, and that a winner must win again."""

from math import inf

import pytest

from tests.tune.surfaces import BEST, SPACE, surface
from xdn.tune.journal import Journal
from xdn.tune.meter import Score
from xdn.tune.store import Store
from xdn.tune.tuner import LEAST_GAIN, Budget, Outcome, Search, Study, median_turn

START = (0, 0, 5, 0)


class Surface:
    """A meter on a synthetic surface; the default costs `default`, and `lucky` points shine once."""

    at_once = 1

    def __init__(self, default=None, lucky=()):
        default = surface(START) if default is None else default
        self.default, self.lucky, self.scored = default, lucky, []

    def scores(self, setups, share):
        for point in setups:
            self.scored.append((point, share))
            yield Score(0.1 if point in self.lucky else surface(point) / self.default)

    def full_s(self):
        return 1e-3

    def costs(self, setups, rounds):
        return [[self.default if setup == "default" else surface(setup)] * rounds for setup in setups]


@pytest.fixture
def journal(tmp_path):
    return Journal(Store(tmp_path / "tuning.sqlite"), "study")


def study(meter, journal, **options):
    search = Search(**{"strategy": "random", "budget": Budget(trials=200)} | options)
    return Study(SPACE, SPACE.point, meter, ("default", SPACE.values(START)), search, journal)


def test_the_best_is_found_and_confirmed(journal):
    outcome = study(Surface(), journal).run()
    assert len(outcome.trials) == 200
    assert outcome.setup == min((SPACE.point(t.values) for t in outcome.trials), key=surface)
    assert outcome.factor == pytest.approx(surface(START) / surface(outcome.setup))


def test_what_does_not_win_again_is_not_believed(journal):
    lucky = (6, 1, 6, 0)
    meter = Surface(default=1.01 * surface(BEST), lucky={lucky})
    outcome = study(meter, journal, budget=Budget(trials=3)).run()
    assert outcome.setup == "default"
    assert outcome.values == {}
    assert outcome.factor == 1.0


def test_a_gain_below_the_noise_is_none(journal):
    meter = Surface(default=surface(BEST) * (1 + LEAST_GAIN / 2))
    assert study(meter, journal, strategy="grid", budget=Budget(trials=10**6)).run().setup == "default"


def test_trials_on_record_are_not_measured_again(tmp_path):
    class CutOffError(Exception):
        pass

    def until_150(trial):
        told.append(trial)
        if len(told) == 150:
            raise CutOffError

    store, told = Store(tmp_path / "tuning.sqlite"), []
    whole, first, again = Surface(), Surface(), Surface()
    outcome = study(whole, Journal(store, "another study")).run()
    with pytest.raises(CutOffError):
        study(first, Journal(store, "study", until_150)).run()
    resumed = study(again, Journal(store, "study")).run()
    assert first.scored + again.scored == whole.scored
    assert len(first.scored) == 150
    assert [t.values for t in resumed.trials] == [t.values for t in outcome.trials]
    assert resumed.setup == outcome.setup


def test_points_that_do_not_wait_for_each_other_are_handed_out_together(tmp_path):
    """What measures several at once is given all that is left of a request, and finds the same."""

    class Together(Surface):
        at_once, requests = 8, []

        def scores(self, setups, share):
            self.requests.append(len(setups))
            return iter(list(super().scores(setups, share)))

    store, together, alone = Store(tmp_path / "tuning.sqlite"), Together(), Surface()
    found = study(together, Journal(store, "together"), budget=Budget(trials=50)).run()
    assert sum(together.requests) == len(together.scored) == 50
    assert max(together.requests) > 1
    one_by_one = study(alone, Journal(store, "alone"), budget=Budget(trials=50)).run()
    assert [(t.values, t.share, t.score) for t in found.trials] == [
        (t.values, t.share, t.score) for t in one_by_one.trials
    ]


def test_no_time_means_no_trial(journal):
    meter = Surface()
    outcome = study(meter, journal, budget=Budget(seconds=0.0)).run()
    assert (meter.scored, outcome.setup) == ([], "default")


def test_gains_say_what_each_axis_brings(journal):
    outcome = study(Surface(), journal, strategy="grid", budget=Budget(trials=10**6)).run()
    assert outcome.setup == BEST
    assert set(outcome.gains) == {"a", "b", "c", "d"}
    for axis, gain in outcome.gains.items():
        back = SPACE.point(SPACE.values(BEST) | {axis: SPACE.values(START)[axis]})
        assert gain == pytest.approx(surface(back) / surface(BEST))


@pytest.mark.parametrize(
    ("costs", "others", "turn"),
    [
        ([8.0], [10.0], (8.0, 10.0)),
        ([8.0, 9.0, 12.0], [10.0, 9.0, 10.0], (9.0, 9.0)),
        # Of two in the middle the worse one for the first.
        ([8.0, 9.0], [10.0, 10.0], (9.0, 10.0)),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0], (3.0, 1.0)),
        # A condition that is not met costs infinitely much.
        ([inf, 5.0, inf], [inf, 4.0, 4.0], (5.0, 4.0)),
        ([inf, inf], [inf, inf], (inf, inf)),
    ],
)
def test_the_median_turn_is_one_that_was_measured(costs, others, turn):
    assert median_turn(costs, others) == turn


def test_the_factor_is_that_of_the_costs_that_are_shown():
    for default_costs, costs in (((9.9, 9.4, 14.0), (13.1, 9.0, 13.4)), ((10.0, 20.0), (9.0, 21.0)), ((inf,), (inf,))):
        outcome = Outcome(("winner", None), {}, (), default_costs, costs, {}, 1.0)
        default_cost, cost = outcome.paired
        assert (cost, default_cost) in zip(costs, default_costs, strict=True)
        assert outcome.factor == (1.0 if cost == default_cost else default_cost / cost)
