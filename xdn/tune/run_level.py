"""Tunes a net's run level: the space, the default, the record, the search, and the stored result."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from xdn.codegen.target import host_target
from xdn.evaluate.objective import Objective
from xdn.kernels.core.layout import CHANNEL
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session
from xdn.tune.axes import CALLS, configuration_of, run_space
from xdn.tune.journal import Journal
from xdn.tune.meter import Make, Measures, Meter, Setup
from xdn.tune.space import Space
from xdn.tune.store import Key, Store, digest_of
from xdn.tune.trial import Trial
from xdn.tune.tuner import Outcome, Search, Study


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
    meter : callable
        Of `make`, `objective` and what all are compared with, to what measures.
    """

    def __init__(
        self,
        make: Make,
        objective: Objective,
        base: Configuration,
        search: Search,
        store: Store,
        meter: Callable[[Make, Objective, Setup], Measures] = Meter,
    ):
        self._make, self._objective, self._search, self._store, self._meter = make, objective, search, store, meter
        session = make(base)
        self._base = replace(base, threads=session.threads)
        calls = tuple(call for call in CALLS if call <= objective.images) if search.choose_call else ()
        #: What is searched.
        self.space: Space = run_space(session.threads, objective.call_images if not calls else None, calls=calls)
        #: The values that come nearest to what the rules do.
        self.default = _nearest(self.space, session, objective)
        self.key = Key.of(session.net, objective.key, session.threads, base.precision)
        session.close()

    def run(self, told: Callable[[Trial], None] = lambda trial: None) -> Outcome:
        """Search, confirm, and keep the result; a search that was cut off goes on where it was."""
        default = self.setup(None)
        with closing(self._meter(self._make, self._objective, default)) as meter:
            journal = Journal(self._store, self.study, told)
            study = Study(self.space, self.setup, meter, (default, self.default), self._search, journal)
            outcome = study.run()
        journal.end(self.key, outcome.result(self.key))
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

    @property
    def study(self) -> str:
        """What two searches have in common that ask for the same trials."""
        axes = [(axis.name, axis.values) for axis in self.space.axes]
        return digest_of([self.key.digest, self._search.strategy, self._search.seed, self._objective.images, axes])


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
