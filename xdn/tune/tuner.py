"""Runs a search within a budget, and lets the best of it win again before it is believed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from xdn.errors import SettingError
from xdn.tune.meter import Meter, Setup
from xdn.tune.search import SEARCHES, Hints
from xdn.tune.space import Point, Space
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
class Outcome:
    """What a search found.

    Parameters
    ----------
    setup : (Configuration, int or None)
        The winner; the default's where nothing beat it.
    values : mapping
        The winner's point; empty where the default won.
    trials : tuple of Trial
        In order.
    default_costs, costs : tuple of float
        The default's and the winner's, a round each, in turn, in the objective's unit.
    gains : mapping
        Axis' name -> how many times the winner's cost it costs to set this axis back to the default's value.
    seconds : float
    """

    setup: Setup
    values: Mapping[str, Any]
    trials: tuple[Trial, ...]
    default_costs: tuple[float, ...]
    costs: tuple[float, ...]
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


@dataclass
class Study:
    """A space, what its points mean, and how they are measured and searched.

    Parameters
    ----------
    space : Space
    setup : callable
        Axis' name -> value, to what is measured.
    meter : Meter
    default : (Setup, mapping)
        The default, and the values that come nearest to it.
    strategy : str
        A name in `SEARCHES`.
    budget : Budget
    seed : int
    known : mapping
        (point, share) -> score: trials of a search that was cut off, which are not measured again.
    told : callable
        Called with each new trial.
    min_accuracy : float, optional
        As `win_again` takes it.
    """

    space: Space
    setup: Callable[[Mapping[str, Any]], Setup]
    meter: Meter
    default: tuple[Setup, Mapping[str, Any]]
    strategy: str = "halving"
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    known: Mapping[tuple[Point, float], float] = field(default_factory=dict)
    told: Callable[[Trial], None] = lambda trial: None
    min_accuracy: float | None = None

    def run(self) -> Outcome:
        """Search until the budget is spent or the strategy ends, then confirm."""
        begin = time.perf_counter()
        full_s = self.meter.full_s()
        trials = self._search(begin, full_s)
        return self._confirmed(trials, begin, full_s)

    def _search(self, begin: float, full_s: float) -> list[Trial]:
        seconds = self.budget.seconds * (1 - CONFIRM_SHARE)
        until = begin + seconds
        # Rounded, so that a search that goes on another day asks for the same trials.
        capacity = min(float(self.budget.trials or inf), _rounded(seconds / (_TRIAL_MEASUREMENTS * full_s)))
        hints = Hints(capacity, self.space.point(self.default[1]))
        search = SEARCHES[self.strategy](self.space, np.random.default_rng(self.seed), hints)
        trials: list[Trial] = []
        request = next(search, None)
        while request is not None:
            scores = []
            for point in request.points:
                if time.perf_counter() >= until or len(trials) == self.budget.trials:
                    return trials
                trial = self._trial(point, request.share, begin)
                trials.append(trial)
                scores.append(trial.score)
            try:
                request = search.send(scores)
            except StopIteration:
                break
        return trials

    def _trial(self, point: Point, share: float, begin: float) -> Trial:
        values = self.space.values(point)
        recorded = self.known.get((point, share))
        if recorded is not None:
            return Trial(values, share, recorded, at_s=time.perf_counter() - begin)
        score = self.meter.score(self.setup(values), share)
        trial = Trial(values, share, score.ratio, score.error, time.perf_counter() - begin)
        self.told(trial)
        return trial

    def best(self, trials: list[Trial], count: int) -> list[Mapping[str, Any]]:
        """Return the values of the best trials: of each point the longest counts, and longer ones come first.

        What was measured on a small part of the images does not beat what was measured on all, however lucky.
        """
        longest: dict[Point, Trial] = {}
        for trial in trials:
            point = self.space.point(trial.values)
            if point not in longest or longest[point].share <= trial.share:
                longest[point] = trial
        good = [trial for trial in longest.values() if trial.score < inf]
        most = max((trial.share for trial in good), default=0.0)
        good.sort(key=lambda trial: (trial.share < most, trial.score))
        return [trial.values for trial in good[:count]]

    def _confirmed(self, trials: list[Trial], begin: float, full_s: float) -> Outcome:
        setup, values = self.default
        measurements = (begin + self.budget.seconds - time.perf_counter()) / full_s
        count = int(min(FINALISTS, max(1, measurements // LEAST_ROUNDS - 1)))
        finalists = self.best(trials, count)
        setups = [setup, *map(self.setup, finalists)]
        rounds = int(min(ROUNDS, max(LEAST_ROUNDS, measurements // (2 * len(setups)))))
        winner, costs = win_again(self.meter, setups, rounds, self.min_accuracy)
        found = finalists[winner - 1] if winner else {}
        gains = self._gains(found, values, begin) if winner else {}
        return Outcome(
            setups[winner],
            found,
            tuple(trials),
            tuple(costs[0]),
            tuple(costs[winner]),
            gains,
            time.perf_counter() - begin,
        )

    def _gains(self, found: Mapping[str, Any], default: Mapping[str, Any], begin: float) -> dict[str, float]:
        """Return what each axis brings, as far as the budget reaches; an axis that others need is left out."""
        gains: dict[str, float] = {}
        for name, value in found.items():
            back = {**found, name: default[name]}
            over = time.perf_counter() - begin > self.budget.seconds
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
    meter: Meter, setups: Sequence[Setup], rounds: int, min_accuracy: float | None = None
) -> tuple[int, list[list[float]]]:
    """Measure setups in turn; return the number of the winner, and the costs of each.

    The first one wins where no other beats it by more than noise.

    Parameters
    ----------
    meter : Meter
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
