"""Runs a search within a budget, and lets the best of it win again before it is believed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from xdn import settings
from xdn.errors import SettingError
from xdn.tune.dialogue import Dialogue
from xdn.tune.journal import Journal
from xdn.tune.meter import Measures, Score, Setup
from xdn.tune.search import SEARCHES, Hints
from xdn.tune.space import Space
from xdn.tune.store import Key, Result
from xdn.tune.trial import Trial

#: The part of a budget in seconds that is kept for the confirmation.
CONFIRM_SHARE = 0.25
#: Setups of the confirmation beside the default at most, and rounds in which they take turns, at least and at most.
FINALISTS, LEAST_ROUNDS, ROUNDS = 3, 3, 7
#: A trial measures the incumbent as well as the point, and begins with a new session.
_TRIAL_MEASUREMENTS = 2.2
#: By how much the winner must beat the default in the confirmation's medians: less is noise.
LEAST_GAIN = 0.01


@dataclass(frozen=True)
class Budget:
    """How much may be spent: seconds, trials, or whichever comes first.

    Parameters
    ----------
    seconds : float
        In all, the confirmation included.
    trials : int, optional
    """

    seconds: float = inf
    trials: int | None = None


@dataclass(frozen=True)
class Search:
    """How a space is searched.

    Parameters
    ----------
    strategy : str
        A name in `SEARCHES`.
    budget : Budget
    seed : int
    choose_call : bool
        The images of a call are an axis, too.
    min_accuracy : float, optional
        Percent of the images that the winner has to classify correctly.
    """

    strategy: str = "halving"
    budget: Budget = field(default_factory=lambda: Budget(seconds=settings.TUNE_BUDGET_S))
    seed: int = 0
    choose_call: bool = False
    min_accuracy: float | None = None

    def begun(self, space: Space, seed: int | Sequence[int], hints: Hints) -> Dialogue:
        """Return a search of a space."""
        return Dialogue(SEARCHES[self.strategy](space, np.random.default_rng(seed), hints))


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Parameters
    ----------
    setup : (Configuration, int or None)
        The winner; the default's where nothing beat it.
    values : mapping
        The winner's point; empty where the default won.
    trials : sequence of Trial
        In order.
    default_costs, costs : sequence of float
        The default's and the winner's, a round each, in turn, in the objective's unit.
    gains : mapping
        Axis' name -> how many times the winner's cost it costs to set this axis back to the default's value.
    seconds : float
    """

    setup: Setup
    values: Mapping[str, Any]
    trials: Sequence[Trial]
    default_costs: Sequence[float]
    costs: Sequence[float]
    gains: Mapping[str, float]
    seconds: float

    @property
    def paired(self) -> tuple[float, float]:
        """The costs of the default and of the winner in one turn of the confirmation, the median one by their ratio."""
        cost, default_cost = median_turn(self.costs, self.default_costs)
        return default_cost, cost

    @property
    def factor(self) -> float:
        """How many times faster the winner was than the default, in that turn."""
        return _ratio(*self.paired)

    def result(self, key: Key) -> Result:
        """Return what is stored of it."""
        return Result(key.facts, *self.setup, self.factor, self.paired[1])


@dataclass(frozen=True)
class Study:
    """A space, what its points mean, and how they are measured and searched.

    Parameters
    ----------
    space : Space
    setup : callable
        Axis' name -> value, to what is measured.
    meter : Measures
    default : (Setup, mapping)
        The default, and the values that come nearest to it.
    search : Search
    journal : Journal
        Trials that it has on record are not measured again.
    """

    space: Space
    setup: Callable[[Mapping[str, Any]], Setup]
    meter: Measures
    default: tuple[Setup, Mapping[str, Any]]
    search: Search
    journal: Journal

    def run(self) -> Outcome:
        """Search until the budget is spent or the strategy ends, then confirm."""
        full_s = self.meter.full_s()
        best = self._searched(full_s)
        setup, values = self.default
        measurements = (self.search.budget.seconds - self.journal.seconds) / full_s
        finalists = best[: int(min(FINALISTS, max(1, measurements // LEAST_ROUNDS - 1)))]
        setups = [setup, *map(self.setup, finalists)]
        rounds = int(min(ROUNDS, max(LEAST_ROUNDS, measurements // (2 * len(setups)))))
        winner, costs = win_again(self.meter, setups, rounds, self.search.min_accuracy)
        found = finalists[winner - 1] if winner else {}
        gains = self._gains(found, values) if winner else {}
        trials, seconds = self.journal.trials, self.journal.seconds
        return Outcome(setups[winner], found, trials, costs[0], costs[winner], gains, seconds)

    def _searched(self, full_s: float) -> list[dict[str, Any]]:
        """Return the values of the best points."""
        budget = self.search.budget
        seconds = budget.seconds * (1 - CONFIRM_SHARE)
        # Rounded, so that a search that goes on another day asks for the same trials.
        measured = self.meter.at_once * seconds / full_s
        capacity = min(float(budget.trials or inf), _rounded(measured / _TRIAL_MEASUREMENTS))
        dialogue = self.search.begun(self.space, self.search.seed, Hints(capacity, self.space.point(self.default[1])))
        while self.journal.seconds < seconds:
            left = None if budget.trials is None else budget.trials - len(self.journal.trials)
            points, share = dialogue.asked_together
            values = [self.space.values(point) for point in points[:left]]
            if not values:
                break
            for each, score in zip(values, self._scores(values, share), strict=True):
                self.journal.add(each, share, score)
                dialogue.tell(score.ratio)
                if self.journal.seconds >= seconds:
                    break
        return [self.space.values(point) for point in dialogue.best(FINALISTS)]

    def _scores(self, values: Sequence[Mapping[str, Any]], share: float) -> Iterator[Score]:
        """Yield the scores of points, on record or measured."""
        known = [self.journal.known(each, share) for each in values]
        new = [self.setup(each) for each, score in zip(values, known, strict=True) if score is None]
        fresh = self.meter.scores(new, share)
        for score in known:
            yield score or next(fresh)

    def _gains(self, found: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, float]:
        """Return what each axis brings, as far as the budget reaches; an axis that others need is left out."""
        gains: dict[str, float] = {}
        for name, value in found.items():
            back = {**found, name: default[name]}
            over = self.journal.seconds > self.search.budget.seconds
            if over or value == default[name] or self.space.point(back) not in self.space:
                continue
            own, without = self.meter.costs([self.setup(found), self.setup(back)], 2)
            cost, cost_without = median_turn(own, without)
            gains[name] = _ratio(cost_without, cost)
        return gains


def median_turn(costs: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Return the two costs of the turn whose ratio is the median; of two in the middle that which is worse for `costs`.

    In one turn both had one machine: costs of different turns may contradict the ratio.
    """
    turns = sorted(zip(costs, others, strict=True), key=lambda turn: _ratio(*turn))
    return turns[len(turns) // 2]


def _ratio(cost: float, other: float) -> float:
    """Return how many times the other a cost is; costs are infinite where a condition is not met."""
    return 1.0 if cost == other else cost / other


def win_again(
    meter: Measures, setups: Sequence[Setup], rounds: int, min_accuracy: float | None = None
) -> tuple[int, list[list[float]]]:
    """Measure setups in turn; return the number of the winner, and the costs of each.

    The first one wins where no other beats it by more than noise.

    Parameters
    ----------
    meter : Measures
    setups : sequence of Setup
    rounds : int
    min_accuracy : float, optional
        Percent of the objective's images that the winner has to classify correctly.

    Raises
    ------
    SettingError
        Where the first one does not.
    """
    right = [inf if min_accuracy is None else meter.percent_correct(setup) for setup in setups]
    if min_accuracy is not None and right[0] < min_accuracy:
        raise SettingError(
            f"the net itself is right for {right[0]:.2f} % of the images that it is tuned on, not {min_accuracy:g} %",
            where="least accuracy",
            mend="Ask for less, or tune on more images",
        )
    costs = meter.costs(setups, rounds)
    good = [number for number, percent in enumerate(right) if min_accuracy is None or percent >= min_accuracy]
    turns = {number: median_turn(costs[number], costs[0]) for number in good}
    ratios = {number: _ratio(*turn) for number, turn in turns.items()}
    winner = min(good, key=ratios.__getitem__)
    return (winner if ratios[winner] <= 1 - LEAST_GAIN else 0), costs


def _rounded(number: float) -> float:
    """Return the power of two below a number."""
    return inf if number == inf else 2.0 ** int(np.floor(np.log2(max(number, 1.0))))
