"""The options by which `xdn-run` tunes, and finds the configuration that it runs with."""

import argparse
import time
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from xdn import settings
from xdn.cli.common import Output, positive_int
from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError, XdnError
from xdn.evaluate.objective import OBJECTIVES, ContestTime, LimitedThroughput, Objective, objective_named
from xdn.report.figure import checked_suffix
from xdn.report.tuning import draw_search, outcome_table, space_table, trials_line
from xdn.runtime.configuration import Configuration, load_configuration, save_configuration
from xdn.session import Session
from xdn.tune.run_level import RunLevel, Search
from xdn.tune.search import SEARCHES
from xdn.tune.store import Key, Store
from xdn.tune.trial import Trial
from xdn.tune.tuner import Budget, Outcome

#: What the stored result of a plain run was tuned for.
_CONTEST = ContestTime.name


def add_tune_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `configured` reads."""
    group = parser.add_argument_group("how it is run: by a stored result of --tune, where there is one")
    chosen = group.add_mutually_exclusive_group()
    chosen.add_argument(
        "--tune", action="store_true", help="search for the fastest configuration first, and keep it for later runs"
    )
    chosen.add_argument("--config", type=Path, metavar="FILE", help="a configuration, as --save-config writes it")
    chosen.add_argument("--no-stored", dest="stored", action="store_false", help="by the rules alone")
    group.add_argument("--save-config", type=Path, metavar="FILE", help="write the configuration of this run as JSON")
    group.add_argument(
        "--budget", type=_seconds, default=settings.TUNE_BUDGET_S, metavar="S",
        help=f"seconds for --tune (default: {settings.TUNE_BUDGET_S:g})",
    )  # fmt: skip
    group.add_argument("--trials", type=positive_int, metavar="N", help="end the search after so many trials")
    group.add_argument(
        "--strategy", default="halving", metavar="NAME", help=f"{', '.join(SEARCHES)} (default: halving)"
    )
    group.add_argument(
        "--objective", default=None, metavar="NAME", help=f"{', '.join(OBJECTIVES)} (default: {_CONTEST})"
    )
    group.add_argument(
        "--max-latency-ms", type=_seconds, metavar="MS",
        help="the most images a second in calls that end within so many milliseconds (99 of 100)",
    )  # fmt: skip
    group.add_argument(
        "--tune-images", type=positive_int, default=settings.TUNE_IMAGES, metavar="N",
        help=f"images on which configurations are measured (default: {settings.TUNE_IMAGES})",
    )  # fmt: skip
    group.add_argument("--tune-seed", type=int, default=0, metavar="N", help="of the search (default: 0)")
    group.add_argument("--tune-plot", type=Path, metavar="FILE", help="draw the search: .png or .svg")


def configured(
    args: argparse.Namespace, output: Output, session: Session, images: tuple[Path | None, PixelTransform]
) -> tuple[Session, dict[str, Any]]:
    """Return the session to run, and what its JSON says of how it was found.

    Parameters
    ----------
    args : Namespace
        Of a parser with `add_tune_options`, and those of `xdn-run`.
    output : Output
    session : Session
        By the rules.
    images : (Path or None, PixelTransform)
        The packed file; None where images are decoded on line.
    """
    found, said = _found(args, output, session, images)
    if found is not None:
        session = Session(session.net, post_fusion=False, profile=args.profile, configuration=found)
    if args.save_config:
        save_configuration(session.configuration, args.save_config)
        output.log(f"written: {args.save_config}")
    return session, {"configuration": session.configuration.document()} | said


def _found(
    args: argparse.Namespace, output: Output, session: Session, images: tuple[Path | None, PixelTransform]
) -> tuple[Configuration | None, dict[str, Any]]:
    if args.config:
        return load_configuration(args.config), {}
    if args.tune:
        path, transform = images
        if path is None:
            raise SettingError("only packed data is tuned on", where="--tune", mend="Leave --online out")
        outcome, told = _tune(args, output, session, _objective(args, path, transform))
        return outcome.setup[0], told
    # Whoever says how to run is not overruled.
    if not args.stored or args.schedule or args.batch or not args.winograd or not args.fusion or args.online:
        return None, {}
    try:
        shape = next(iter(session.net.inputs.values())).shape[1:]
        result = Store().get(Key.of(session.net, shape, _CONTEST, session.threads))
    except XdnError as error:
        output.log(f"warning: {error}")
        return None, {}
    if result is None:
        return None, {}
    output.log(f"configuration: stored, {result.factor:.2f}x as fast as the rules' when it was tuned")
    return result.configuration, {"stored": result.document()}


def _objective(args: argparse.Namespace, path: Path, transform: PixelTransform) -> Objective:
    """Return what is minimised."""
    name = args.objective or (LimitedThroughput.name if args.max_latency_ms else _CONTEST)
    if (name == LimitedThroughput.name) != bool(args.max_latency_ms):
        mend = f"Give both --objective {LimitedThroughput.name} and --max-latency-ms, or neither"
        raise SettingError("a limit belongs to one objective alone", where="--max-latency-ms", mend=mend)
    objective = objective_named(name)(path, transform, args.tune_images, args.batch)
    if isinstance(objective, LimitedThroughput):
        objective.limit_ms = args.max_latency_ms
    return objective


def _tune(
    args: argparse.Namespace, output: Output, session: Session, objective: Objective
) -> tuple[Outcome, dict[str, Any]]:
    """Search, print what was found, and return it."""
    if args.tune_plot:
        checked_suffix(args.tune_plot)
    SEARCHES[args.strategy]
    search = Search(args.strategy, Budget(args.budget, args.trials), args.tune_seed, bool(args.max_latency_ms))

    def make(configuration: Configuration) -> Session:
        return Session(session.net, post_fusion=False, configuration=configuration)

    level = RunLevel(make, objective, session.configuration, search, Store())
    output.result(space_table(level.space))
    with _progress(output) as bar:
        outcome = level.run(_told(bar, args.budget))
    output.result(trials_line(outcome.trials, outcome.seconds))
    output.result(outcome_table(outcome, level.default, objective.unit))
    if args.tune_plot:
        draw_search(outcome.trials, args.tune_plot)
        output.log(f"written: {args.tune_plot}")
    trials = [
        {"values": dict(t.values), "share": t.share, "score": t.score if not t.error else None, "error": t.error}
        for t in outcome.trials
    ]
    told = {
        "strategy": args.strategy,
        "objective": objective.key,
        "unit": objective.unit,
        "seconds": outcome.seconds,
        "default": dict(level.default),
        "values": dict(outcome.values),
        "default_costs": outcome.default_costs,
        "costs": outcome.costs,
        "factor": outcome.factor,
        "gains": dict(outcome.gains),
        "trials": trials,
    }
    return outcome, {"tuning": told}


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return output.progress_of(*columns)


def _told(bar: Progress, budget_s: float) -> Any:
    """Return a callback that shows the best so far and what is left of the budget."""
    begin, best = time.perf_counter(), [float("inf"), 0]
    task = bar.add_task("tune", total=budget_s if budget_s < float("inf") else None)

    def told(trial: Trial) -> None:
        best[0], best[1] = min(best[0], trial.score), best[1] + 1
        text = f"tune: {best[1]} trials, best {best[0]:.3f} of the default's time"
        bar.update(task, completed=time.perf_counter() - begin, description=text)

    return told


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return value
