"""Tunes a net's run level: the space, the default, the record, the search, and the stored result."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xdn import settings
from xdn.codegen.target import host_target
from xdn.evaluate.objective import Objective
from xdn.kernels.core.layout import CHANNEL
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session
from xdn.tune.axes import CALLS, configuration_of, run_space
from xdn.tune.journal import Journal
from xdn.tune.meter import Meter, Setup
from xdn.tune.space import Point, Space
from xdn.tune.store import Key, Result, Store
from xdn.tune.trial import Trial
from xdn.tune.tuner import Budget, Outcome, Study


@dataclass(frozen=True)
class Search:
    """How a space is searched.

    Parameters
    ----------
    strategy : str
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


class RunLevel:
    """Everything that a search over a net's run level needs, before it begins.

    Parameters
    ----------
    make : callable
        Configuration -> session of the net.
    objective : Objective
    base : Configuration
        What is not chosen, and the most threads.
    search : Search
    store : Store
    """

    def __init__(
        self,
        make: Callable[[Configuration], Session],
        objective: Objective,
        base: Configuration,
        search: Search,
        store: Store,
    ):
        self._make, self._objective, self._search, self._store = make, objective, search, store
        session = make(base)
        self._base = replace(base, threads=session.threads)
        calls = tuple(call for call in CALLS if call <= objective.images) if search.choose_call else ()
        #: What is searched.
        self.space: Space = run_space(session.threads, objective.call_images if not calls else None, calls=calls)
        #: The values that come nearest to what the rules do.
        self.default = _nearest(self.space, session, objective)
        self.key = Key.of_net(session.net, objective.key, session.threads)
        session.close()

    def run(self, told: Callable[[Trial], None] = lambda trial: None) -> Outcome:
        """Search, confirm, and keep the result; a search that was cut off goes on where it was."""
        journal = Journal(self._store, self.study_name())
        meter = Meter(self._make, self._objective, self.setup(None))

        def done(trial: Trial) -> None:
            journal.add(trial)
            told(trial)

        study = Study(
            self.space,
            self.setup,
            meter,
            (self.setup(None), self.default),
            self._search.strategy,
            self._search.budget,
            self._search.seed,
            self._known(journal.before),
            done,
            self._search.min_accuracy,
        )
        try:
            outcome = study.run()
        finally:
            meter.close()
        configuration, call_images = outcome.setup
        result = Result(self.key.facts, configuration, call_images, outcome.factor, outcome.paired[1])
        journal.end(self.key, result)
        return outcome

    def setup(self, values: Mapping[str, Any] | None) -> Setup:
        """Return what a point's values stand for; the default for None."""
        if values is None:
            return self._base, self._objective.call_images
        configuration = configuration_of(values, self._base)
        call_images = values.get("call", self._objective.call_images)
        if call_images is None:
            # Calls of few images, which the same session may get, are left to the rules where nothing changes here.
            same = values["schedule"] == self.default["schedule"]
            configuration = replace(
                configuration,
                schedule=None if same else configuration.schedule,
                members=None if configuration.members == 1 else configuration.members,
            )
        return configuration, call_images

    def study_name(self) -> str:
        """Return what two searches have in common that ask for the same trials."""
        axes = [(axis.name, axis.values) for axis in self.space.axes]
        facts = (self.key.digest, self._search.strategy, self._search.seed, self._objective.images, axes)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def _known(self, trials: list[Trial]) -> dict[tuple[Point, float], float]:
        """Return the scores of trials that are on record, as far as they belong to the space."""
        names = {axis.name for axis in self.space.axes}
        fitting = [trial for trial in trials if set(trial.values) == names]
        found = {(self.space.point(trial.values), trial.share): trial.score for trial in fitting}
        return {(point, share): score for (point, share), score in found.items() if point in self.space}


def _nearest(space: Space, session: Session, objective: Objective) -> dict[str, Any]:
    """Return the values of a space that come nearest to what a session does by its rules."""
    plan = session.plan(images=objective.call_images or objective.images)
    members = session.threads if plan.schedule is CHANNEL and objective.call_images == 1 else 1
    # Blocks that a call can fill.
    blocks = min(plan.chunk_blocks, -(-(objective.call_images or objective.images) // plan.block_images))
    chunk = blocks * plan.block_images
    wanted = {
        "threads": session.threads,
        "schedule": plan.schedule.name,
        "members": members,
        "chunk": chunk,
        "heavy": session.configuration.heavy_weights if blocks > 1 else 0.0,
        "light": session.configuration.light_blocks,
        "call": objective.call_images or host_target().block_images,
    }
    return {axis.name: _closest(axis.values, wanted[axis.name]) for axis in space.axes}


def _closest(values: tuple[Any, ...], wanted: Any) -> Any:
    """Return the value itself where an axis has it, else the number next to it."""
    return wanted if wanted in values else min(values, key=lambda value: abs(value - wanted))
