"""Tunes how each layer is computed: every run of the whole net tries another way for each of its operators.

Operators do not wait for each other: each has a search of its own over its own choices, and the points that they ask
for next are measured in one profiled run of the net, where each layer finds the caches as it will find them in use::

    while one of the searches asks for a point, and the budget lasts:
        configuration = base with the next point of every search
        score of each operator = its time in that run / its time in runs of the base before and after
    the best few of each operator take turns; what is faster again is chosen
    the chosen ones together against the base, in runs that nothing measures within
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from math import inf
from statistics import median

from xdn.evaluate.objective import Objective
from xdn.kernels.core.choice import RULE, Choice
from xdn.tune.dialogue import Dialogue
from xdn.tune.journal import Journal
from xdn.tune.meter import FAILURES, Make, Meter, Score, Setup
from xdn.tune.operators import LayerMeter, Operator, operators_of, with_choices
from xdn.tune.search import Hints
from xdn.tune.space import Point
from xdn.tune.store import Key, Store, digest_of
from xdn.tune.trial import Trial
from xdn.tune.tuner import CONFIRM_SHARE, LEAST_GAIN, LEAST_ROUNDS, ROUNDS, Outcome, Search, win_again

#: The best choices of an operator that take turns, and how often each is measured then at most.
_FINALISTS, _TURNS = 3, 3
#: The parts of a budget in seconds after which the search ends, and the turns of the best.
_SEARCH_SHARE, _TURNS_SHARE = 0.5, 1 - CONFIRM_SHARE / 2


class OperatorLevel:
    """Everything that a search over a net's operators needs, before it begins.

    Parameters
    ----------
    make : callable
        Configuration -> session of the net, as `Make` says.
    objective : Objective
    setups : (Setup, Setup)
        The base, which says what is not chosen here: the run level's result, or the rules; and the rules, with which
        the result is compared.
    search : Search
    store : Store
    """

    def __init__(self, make: Make, objective: Objective, setups: tuple[Setup, Setup], search: Search, store: Store):
        self._make, self._objective, self.search, self._store = make, objective, search, store
        self._base, self._rules = setups
        session = make(self._base[0])
        plan = session.plan(images=self._base[1] or objective.images)
        self._schedule = plan.schedule.name
        #: What can be computed in several ways.
        self.operators: Sequence[Operator] = operators_of(session, plan)
        self.key = Key.of(
            session.net, objective.key, self._rules[0].threads or session.threads, self._rules[0].precision
        )
        session.close()

    def run(self, told: Callable[[Trial], None] = lambda trial: None) -> Outcome:
        """Search, settle, confirm, and keep the result; a search that was cut off goes on where it was."""
        journal = Journal(self._store, self._study(), told)
        with closing(LayerMeter(self._make, self._objective, self._base)) as layers:
            chosen = _Searching(self, layers, journal).run()
        outcome = self._confirmed(chosen, journal)
        journal.end(self.key, outcome.result(self.key))
        return outcome

    @property
    def default(self) -> dict[str, str]:
        """Operator's name -> how the base computes it."""
        own = self._base[0].choices.get(self._schedule, {})
        return {operator.name: str(own.get(operator.name, RULE)) for operator in self.operators}

    def setup(self, chosen: Mapping[Operator, Choice]) -> Setup:
        """Return the base with some operators computed so."""
        return with_choices(self._base[0], self._schedule, chosen), self._base[1]

    def _confirmed(self, chosen: Mapping[Operator, tuple[Choice, float]], journal: Journal) -> Outcome:
        """Run the chosen ones against the base and the rules."""
        setups = [self._rules, self._base, self.setup({operator: choice for operator, (choice, _) in chosen.items()})]
        setups = list({repr(setup): setup for setup in setups}.values())
        with closing(Meter(self._make, self._objective, self._rules)) as meter:
            left_s = self.search.budget.seconds - journal.seconds
            rounds = int(min(ROUNDS, max(LEAST_ROUNDS, left_s // (len(setups) * meter.full_s()))))
            winner, costs = win_again(meter, setups, rounds, self.search.min_accuracy)
        won = chosen if winner == len(setups) - 1 else {}
        values = {operator.name: str(choice) for operator, (choice, _) in won.items()}
        gains = {operator.name: 1 / ratio for operator, (_, ratio) in won.items()}
        return Outcome(setups[winner], values, journal.trials, costs[0], costs[winner], gains, journal.seconds)

    def _study(self) -> str:
        """Return what two searches have in common that ask for the same trials."""
        own = [(operator.layers, list(operator.space)) for operator in self.operators]
        strategy, seed, images = self.search.strategy, self.search.seed, self._objective.images
        return digest_of([self.key.digest, strategy, seed, images, self._base[0].document(), own])


class _Searching:
    """The searches of all operators, side by side."""

    def __init__(self, level: OperatorLevel, layers: LayerMeter, journal: Journal):
        self._level, self._layers, self._journal = level, layers, journal

    def run(self) -> dict[Operator, tuple[Choice, float]]:
        """Return operator -> the choice that was faster than the base, and its time relative to the base's."""
        search = self._level.search
        dialogues = {
            operator: search.begun(operator.space, (search.seed, number), Hints())
            for number, operator in enumerate(self._level.operators)
        }
        rounds, most = 0, search.budget.trials or inf
        while rounds < most and not self._over(_SEARCH_SHARE):
            asked = {operator: dialogue.asked for operator, dialogue in dialogues.items() if dialogue.asked}
            if not asked:
                break
            # As long as the one that asks for most.
            share = max(share for _, share in asked.values())
            scores = self._measured([(operator, point) for operator, (point, _) in asked.items()], share)
            for operator, score in zip(asked, scores, strict=True):
                dialogues[operator].tell(score)
            rounds += 1
        return self._settled(dialogues)

    def _over(self, share: float) -> bool:
        return self._journal.seconds > share * self._level.search.budget.seconds

    def _measured(self, asked: Sequence[tuple[Operator, Point]], share: float) -> list[float]:
        """Return the scores of one point for each of some operators: on record, or measured in one run."""
        values = [{"layer": operator.name, "choice": str(Choice(*point))} for operator, point in asked]
        found = [self._journal.known(each, share) for each in values]
        new = [pair for pair, score in zip(asked, found, strict=True) if score is None]
        fresh = iter(self._scores(new, share) if new else [])
        scores = [score or next(fresh) for score in found]
        for each, score in zip(values, scores, strict=True):
            self._journal.add(each, share, score)
        return [score.ratio for score in scores]

    def _scores(self, asked: Sequence[tuple[Operator, Point]], share: float) -> list[Score]:
        """Return the score of each; where they fail together, each is measured alone."""
        configuration, _ = self._level.setup({operator: Choice(*point) for operator, point in asked})
        try:
            return list(map(Score, self._layers.ratios(configuration, share, [operator for operator, _ in asked])))
        except FAILURES as error:
            if len(asked) == 1:
                return [Score.failed(error)]
            return [self._scores([pair], share)[0] for pair in asked]

    def _settled(self, dialogues: Mapping[Operator, Dialogue]) -> dict[Operator, tuple[Choice, float]]:
        """Let the best few of each operator take turns: the fastest of many trials was partly luck."""
        best = {operator: dialogue.best(_FINALISTS) for operator, dialogue in dialogues.items()}
        ratios: dict[tuple[Operator, Point], list[float]] = {}
        for number in range(_FINALISTS * _TURNS):
            # Each at least once.
            if number >= _FINALISTS and self._over(_TURNS_SHARE):
                break
            asked = [(operator, points[number % len(points)]) for operator, points in best.items() if points]
            for pair, score in zip(asked, self._scores(asked, 1.0) if asked else [], strict=True):
                ratios.setdefault(pair, []).append(score.ratio)
        found: dict[Operator, tuple[Choice, float]] = {}
        for (operator, point), own in ratios.items():
            ratio = median(own)
            if ratio < min(1 - LEAST_GAIN, found.get(operator, (None, inf))[1]):
                found[operator] = (Choice(*point), ratio)
        return found
