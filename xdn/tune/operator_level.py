"""Tunes how each layer is computed: every run of the whole net tries another way for each of its operators.

Operators do not wait for each other: each has a search of its own over its own choices, and the points that they ask
for next are measured in one profiled run of the net, where each layer finds the caches as it will find them in use::

    while one of the searches asks for a point, and the budget lasts:
        configuration = base with the next point of every search
        score of each operator = its time in that run / its time in runs of the base before and after
    the best few of each operator take turns; what is faster again is chosen
    the chosen ones together against the base, in runs that nothing measures within
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median

import numpy as np

from xdn.errors import XdnError
from xdn.evaluate.objective import Objective
from xdn.kernels.core.choice import RULE, Choice
from xdn.tune.journal import Journal
from xdn.tune.meter import Meter, Setup
from xdn.tune.operators import LayerMeter, Make, Operator, choice_of, operators_of, with_choices
from xdn.tune.run_level import Search
from xdn.tune.search import SEARCHES, Hints, Request
from xdn.tune.search import Search as Requests
from xdn.tune.space import Point
from xdn.tune.store import Key, Result, Store
from xdn.tune.trial import Trial
from xdn.tune.tuner import CONFIRM_SHARE, LEAST_GAIN, LEAST_ROUNDS, ROUNDS, Outcome, win_again

#: The best choices of an operator that take turns, and how often each is measured then at most.
_FINALISTS, _TURNS = 3, 3
#: The parts of a budget in seconds after which the search ends, and the turns of the best.
_SEARCH_SHARE, _TURNS_SHARE = 0.5, 1 - CONFIRM_SHARE / 2


@dataclass
class _Turn:
    """An operator's search: what it asks for, and what is known of its points."""

    operator: Operator
    search: Requests
    request: Request | None
    scores: list[float] = field(default_factory=list)
    longest: dict[Point, tuple[float, float]] = field(default_factory=dict)

    @property
    def point(self) -> Point | None:
        """The point that is asked for next; None where the search has ended."""
        return self.request.points[len(self.scores)] if self.request else None

    def tell(self, score: float) -> None:
        """Give the score of the point, which may be the last that the search waits for."""
        assert self.request
        assert self.point
        share = self.request.share
        if self.longest.get(self.point, (0.0, inf))[0] <= share:
            self.longest[self.point] = (share, score)
        self.scores.append(score)
        if len(self.scores) == len(self.request.points):
            try:
                self.request = self.search.send(self.scores)
            except StopIteration:
                self.request = None
            self.scores = []

    def best(self, count: int) -> list[Point]:
        """Return the best points; those that were measured longer come first."""
        good = {point: known for point, known in self.longest.items() if known[1] < inf}
        most = max((share for share, _ in good.values()), default=0.0)
        return sorted(good, key=lambda point: (good[point][0] < most, good[point][1]))[:count]


class OperatorLevel:
    """Everything that a search over a net's operators needs, before it begins.

    Parameters
    ----------
    make : callable
        (Configuration, whether layers are measured) -> session of the net.
    objective : Objective
    setups : (Setup, Setup)
        The base, which says what is not chosen here: the run level's result, or the rules; and the rules, with which
        the result is compared.
    search : Search
    store : Store
    """

    def __init__(self, make: Make, objective: Objective, setups: tuple[Setup, Setup], search: Search, store: Store):
        self._make, self._objective, self._search, self._store = make, objective, search, store
        self._base, self._rules = setups
        session = make(self._base[0], False)
        plan = session.plan(images=self._base[1] or objective.images)
        self._schedule = plan.schedule.name
        #: What can be computed in several ways.
        self.operators: Sequence[Operator] = operators_of(session, plan)
        self.key = Key.of_net(session.net, objective.key, self._rules[0].threads or session.threads)
        session.close()

    def run(self, told: Callable[[Trial], None] = lambda trial: None) -> Outcome:
        """Search, settle, confirm, and keep the result; a search that was cut off goes on where it was."""
        begin = time.perf_counter()
        journal = Journal(self._store, self._study_name())
        layers = LayerMeter(self._make, self._objective, self._base)
        try:
            search = _Searching(self, layers, journal, told, begin)
            chosen = search.run()
        finally:
            layers.close()
        outcome = self._confirmed(chosen, tuple(search.trials), begin)
        configuration, call_images = outcome.setup
        result = Result(self.key.facts, configuration, call_images, outcome.factor, outcome.paired[1])
        journal.end(self.key, result)
        return outcome

    @property
    def default(self) -> dict[str, str]:
        """Operator's name -> how the base computes it."""
        own = self._base[0].choices.get(self._schedule, {})
        return {operator.name: str(own.get(operator.name, RULE)) for operator in self.operators}

    def setup(self, chosen: Mapping[Operator, Choice]) -> Setup:
        """Return the base with some operators computed so."""
        return with_choices(self._base[0], self._schedule, chosen), self._base[1]

    @property
    def search(self) -> Search:
        """How the operators' choices are searched."""
        return self._search

    def _confirmed(
        self, chosen: Mapping[Operator, tuple[Choice, float]], trials: tuple[Trial, ...], begin: float
    ) -> Outcome:
        """Run the chosen ones against the base and the rules."""
        setups = [self._rules, self._base, self.setup({operator: choice for operator, (choice, _) in chosen.items()})]
        setups = list({repr(setup): setup for setup in setups}.values())
        meter = Meter(lambda configuration: self._make(configuration, False), self._objective, self._rules)
        try:
            left_s = begin + self._search.budget.seconds - time.perf_counter()
            rounds = int(min(ROUNDS, max(LEAST_ROUNDS, left_s // (len(setups) * meter.full_s()))))
            winner, costs = win_again(meter, setups, rounds, self._search.min_accuracy)
        finally:
            meter.close()
        won = winner == len(setups) - 1 and bool(chosen)
        values = {operator.name: str(choice) for operator, (choice, _) in chosen.items()} if won else {}
        gains = {operator.name: 1 / ratio for operator, (_, ratio) in chosen.items()} if won else {}
        seconds = time.perf_counter() - begin
        return Outcome(setups[winner], values, trials, tuple(costs[0]), tuple(costs[winner]), gains, seconds)

    def _study_name(self) -> str:
        """Return what two searches have in common that ask for the same trials."""
        own = [(operator.layers, list(operator.space)) for operator in self.operators]
        document = self._base[0].document()
        facts = (self.key.digest, self._search.strategy, self._search.seed, self._objective.images, document, own)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


class _Searching:
    """The searches of all operators, side by side."""

    def __init__(
        self,
        level: OperatorLevel,
        layers: LayerMeter,
        journal: Journal,
        told: Callable[[Trial], None],
        begin: float,
    ):
        self._level, self._layers, self._journal, self._told, self._begin = level, layers, journal, told, begin
        self._known = {
            (trial.values.get("layer"), trial.values.get("choice"), trial.share): trial.score
            for trial in journal.before
        }
        self.trials: list[Trial] = []

    def run(self) -> dict[Operator, tuple[Choice, float]]:
        """Return operator -> the choice that was faster than the base, and its time relative to the base's."""
        turns = [self._begun(number, operator) for number, operator in enumerate(self._level.operators)]
        rounds, most = 0, self._level.search.budget.trials or inf
        while any(turn.request for turn in turns) and rounds < most and not self._over(_SEARCH_SHARE):
            asked = [turn for turn in turns if turn.request]
            # As long as the one that asks for most.
            share = max(turn.request.share for turn in asked if turn.request)
            scores = self._measured([(turn.operator, turn.point) for turn in asked if turn.point], share)
            for turn, score in zip(asked, scores, strict=True):
                turn.tell(score)
            rounds += 1
        return self._settled(turns)

    def _over(self, share: float) -> bool:
        return time.perf_counter() - self._begin > share * self._level.search.budget.seconds

    def _begun(self, number: int, operator: Operator) -> _Turn:
        rng = np.random.default_rng((self._level.search.seed, number))
        search = SEARCHES[self._level.search.strategy](operator.space, rng, Hints())
        return _Turn(operator, search, next(search, None))

    def _measured(self, asked: Sequence[tuple[Operator, Point]], share: float) -> list[float]:
        """Return the scores of one point for each of some operators: on record, or measured in one run."""
        keys = [(operator.name, str(choice_of(point)), share) for operator, point in asked]
        new = [pair for pair, key in zip(asked, keys, strict=True) if key not in self._known]
        scores = iter(self._scores(new, share) if new else [])
        found = []
        for (operator, point), key in zip(asked, keys, strict=True):
            fresh = key not in self._known
            score, error = next(scores) if fresh else (self._known[key], "")
            values = {"layer": operator.name, "choice": str(choice_of(point))}
            trial = Trial(values, share, score, error, time.perf_counter() - self._begin)
            self.trials.append(trial)
            found.append(score)
            if fresh:
                self._journal.add(trial)
                self._told(trial)
        return found

    def _scores(self, asked: Sequence[tuple[Operator, Point]], share: float) -> list[tuple[float, str]]:
        """Return the score of each, and why it failed; where they fail together, each is measured alone."""
        configuration, _ = self._level.setup({operator: choice_of(point) for operator, point in asked})
        try:
            ratios = self._layers.ratios(configuration, share, [operator for operator, _ in asked])
            return [(ratio, "") for ratio in ratios]
        except (XdnError, MemoryError, OSError) as error:
            if len(asked) == 1:
                return [(inf, f"{type(error).__name__}: {error}")]
            return [self._scores([pair], share)[0] for pair in asked]

    def _settled(self, turns: Sequence[_Turn]) -> dict[Operator, tuple[Choice, float]]:
        """Let the best few of each operator take turns: the fastest of many trials was partly luck."""
        best = {turn.operator: turn.best(_FINALISTS) for turn in turns}
        ratios: dict[tuple[Operator, Point], list[float]] = {}
        for number in range(_FINALISTS * _TURNS):
            # Each at least once.
            if number >= _FINALISTS and self._over(_TURNS_SHARE):
                break
            asked = [(operator, points[number % len(points)]) for operator, points in best.items() if points]
            for pair, (ratio, _) in zip(asked, self._scores(asked, 1.0) if asked else [], strict=True):
                ratios.setdefault(pair, []).append(ratio)
        found: dict[Operator, tuple[Choice, float]] = {}
        for (operator, point), own in ratios.items():
            ratio = median(own)
            if ratio < min(1 - LEAST_GAIN, found.get(operator, (None, inf))[1]):
                found[operator] = (choice_of(point), ratio)
        return found
