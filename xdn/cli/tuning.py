"""What `xdn-run --tune` shows while it searches, level by level, and of what it found."""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from xdn.cli.common import Output
from xdn.evaluate.objective import Objective
from xdn.report.figure import checked_suffix
from xdn.report.tuning import draw_operators, draw_search, operators_table, outcome_table, space_table, trials_line
from xdn.runtime.configuration import Configuration
from xdn.session import Session
from xdn.tune.meter import Make, Measures, Meter, Setup
from xdn.tune.operator_level import OperatorLevel
from xdn.tune.run_level import RunLevel
from xdn.tune.search import SEARCHES
from xdn.tune.store import Key, Store
from xdn.tune.trial import Trial
from xdn.tune.tuner import Budget, Outcome, Search

#: What is searched.
LEVELS = RUN, OPERATORS, ALL = "run", "operators", "all"
#: What draws a search, and into which file, if any.
_Drawing = tuple[Callable[[Sequence[Trial], Path], None], Path | None]


def tuned(
    args: argparse.Namespace, output: Output, session: Session, objective: Objective
) -> tuple[Configuration, dict[str, Any]]:
    """Search, print what was found, and return it with what the JSON says of it."""
    if args.tune_plot:
        checked_suffix(args.tune_plot)
    SEARCHES[args.strategy]
    levels = (RUN, OPERATORS) if args.tune_level == ALL else (args.tune_level,)
    budget = Budget(args.budget / len(levels), args.trials)
    search = Search(args.strategy, budget, args.tune_seed, bool(args.max_latency_ms), args.min_accuracy)

    def make(configuration: Configuration, profile: bool = False) -> Session:
        """Return a session of the net, which is fused already."""
        return Session(session.net, post_fusion=False, configuration=configuration, profile=profile)

    told: dict[str, Any] = {}
    plot: Path | None = args.tune_plot
    if RUN in levels:
        with _measuring(args) as meter:
            run_level = RunLevel(make, objective, session.configuration, search, Store(), meter)
            output.report(space_table(run_level.space))
            setup, told["tuning"] = _searched(output, run_level, objective, search, (draw_search, plot))
        plot = plot and plot.with_stem(f"{plot.stem}-{OPERATORS}")
    else:
        setup = _stored(session, objective)
    if OPERATORS in levels:
        rules = session.configuration, objective.call_images
        level = OperatorLevel(make, objective, (setup, rules), search, Store())
        output.report(operators_table({each.name: (each.layers, each.space) for each in level.operators}))
        setup, told["operators"] = _searched(output, level, objective, search, (draw_operators, plot))
    return setup[0], told


@contextmanager
def _measuring(args: argparse.Namespace) -> Iterator[Callable[[Make, Objective, Setup], Measures]]:
    """Give what trials are measured by: this process, or the nodes of a cluster, joined for as long as it takes."""
    if args.ray is None:
        yield Meter
        return
    from xdn.ray import ClusterMeter, connected

    with connected(args.ray or None):
        yield ClusterMeter


def _stored(session: Session, objective: Objective) -> Setup:
    """Return what is stored for the objective, or else what the rules do."""
    result = Store().get(Key.of(session.net, objective.key, session.threads, session.configuration.precision))
    return (result.configuration, result.call_images) if result else (session.configuration, objective.call_images)


def _searched(
    output: Output, level: RunLevel | OperatorLevel, objective: Objective, search: Search, drawing: _Drawing
) -> tuple[Setup, dict[str, Any]]:
    """Search a level under a progress bar, print and draw what was found, and return it, also as JSON values."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with output.progress(*columns) as bar:
        begin, best, budget_s = time.perf_counter(), [float("inf"), 0], search.budget.seconds
        task = bar.add_task("tune", total=budget_s if budget_s < float("inf") else None)

        def told(trial: Trial) -> None:
            """Show a trial, and the best one so far."""
            best[0], best[1] = min(best[0], trial.score), best[1] + 1
            text = f"tune: {best[1]} trials, best {best[0]:.3f} of the default's time"
            bar.update(task, completed=time.perf_counter() - begin, description=text)

        outcome = level.run(told)
    output.report(trials_line(outcome.trials, outcome.seconds))
    output.result(outcome_table(outcome, level.default, objective.unit))
    draw, path = drawing
    if path:
        draw(outcome.trials, path)
        output.log(f"written: {path}")
    return outcome.setup, _document(outcome, objective, search) | {"default": dict(level.default)}


def _document(outcome: Outcome, objective: Objective, search: Search) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    return {
        "strategy": search.strategy,
        "objective": objective.key,
        "unit": objective.unit,
        "seconds": outcome.seconds,
        "values": dict(outcome.values),
        "paired": dict(zip(("default", "tuned"), outcome.paired, strict=True)),
        "default_costs": outcome.default_costs,
        "costs": outcome.costs,
        "factor": outcome.factor,
        "gains": dict(outcome.gains),
        "trials": [trial.document() for trial in outcome.trials],
    }
