"""The options by which `xdn-run` tunes, and finds the configuration that it runs with."""

import argparse
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.cli.common import Output, positive_float, positive_int, result_file
from xdn.cli.run_data import RunData
from xdn.cli.tuning import LEVELS, RUN, tuned
from xdn.data import Dataset
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError, XdnError
from xdn.evaluate.objective import OBJECTIVES, ContestTime, LimitedThroughput, Objective, objective_named
from xdn.runtime.configuration import Configuration, load_configuration, save_configuration
from xdn.session import Session
from xdn.tune.search import SEARCHES
from xdn.tune.store import Key, Store

#: What the stored result of a plain run was tuned for.
_CONTEST = ContestTime.name


def add_tune_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `configured` reads."""
    group = parser.add_argument_group("how it is run: by a stored result of --tune, where there is one")
    chosen, add = group.add_mutually_exclusive_group(), group.add_argument
    chosen.add_argument(
        "--tune", action="store_true", help="search for the fastest configuration first, and keep it for later runs"
    )
    chosen.add_argument("--config", type=Path, metavar="FILE", help="a configuration, as --save-config writes it")
    chosen.add_argument("--no-stored", dest="stored", action="store_false", help="by the rules alone")
    add(
        "--save-config", "--dump-config", type=result_file, metavar="FILE",
        help="write the configuration of this run as JSON",
    )  # fmt: skip
    add(
        "--budget", type=positive_float, default=settings.TUNE_BUDGET_S, metavar="S",
        help=f"seconds for --tune (default: {settings.TUNE_BUDGET_S:g})",
    )  # fmt: skip
    add("--trials", type=positive_int, metavar="N", help="end the search after so many trials")
    add(
        "--tune-level", choices=LEVELS, default=RUN, metavar="LEVEL",
        help="run: threads, schedule, chunks; operators: how each layer is computed, on top of what is stored of the "
        "run level; all: one after the other, half the budget each (default: run)",
    )  # fmt: skip
    add("--strategy", default="halving", metavar="NAME", help=f"{', '.join(SEARCHES)} (default: halving)")
    add("--objective", default=None, metavar="NAME", help=f"{', '.join(OBJECTIVES)} (default: {_CONTEST})")
    add(
        "--max-latency-ms", type=positive_float, metavar="MS",
        help="the most images a second in calls that end within so many milliseconds (99 of 100)",
    )  # fmt: skip
    add(
        "--min-accuracy", type=positive_float, metavar="PERCENT",
        help="of the images that it is tuned on, the winner has to classify so many correctly",
    )  # fmt: skip
    add(
        "--tune-images", type=positive_int, default=settings.TUNE_IMAGES, metavar="N",
        help=f"images on which configurations are measured (default: {settings.TUNE_IMAGES})",
    )  # fmt: skip
    add("--tune-seed", type=int, default=0, metavar="N", help="of the search (default: 0)")
    add("--tune-plot", type=result_file, metavar="FILE", help="draw the search: .png or .svg")


def configured(
    args: argparse.Namespace, output: Output, session: Session, images: Dataset | None, data: RunData
) -> tuple[Session, dict[str, Any]]:
    """Return the session to run, and what its JSON says of how it was found.

    Parameters
    ----------
    args : Namespace
        Of a parser with `add_tune_options`, and those of `xdn-run`.
    output : Output
    session : Session
        By the rules.
    images : Dataset or None
        As they are run; only packed ones are tuned on.
    data : RunData
    """
    found, said = _found(args, output, session, images, data)
    if found is not None:
        session = Session(session.net, post_fusion=False, profile=args.profile, configuration=found)
    if args.save_config:
        save_configuration(session.configuration, args.save_config)
        output.log(f"written: {args.save_config}")
    return session, {"configuration": session.configuration.document()} | said


def _found(
    args: argparse.Namespace, output: Output, session: Session, images: Dataset | None, data: RunData
) -> tuple[Configuration | None, dict[str, Any]]:
    if args.config:
        return load_configuration(args.config), {}
    if args.tune:
        if not isinstance(images, PackedData) or data.transform is None:
            mend = "Leave --online out" if args.online else "Configurations are measured on images; say --config"
            raise SettingError("only packed images are tuned on", where="--tune", mend=mend)
        if args.min_accuracy and data.scores is None:
            raise SettingError(f"there is no accuracy: {data.said}", where="--min-accuracy")
        objective = _objective(args, images.path, data.transform)
        objective.scores = data.scores
        return tuned(args, output, session, objective)
    # Whoever says how to run is not overruled.
    said = args.schedule or args.batch or args.weights_as or args.online
    if said or not (args.stored and args.winograd and args.fusion):
        return None, {}
    try:
        key = Key.of(session.net, _CONTEST, session.threads, session.configuration.precision)
        result = Store().get(key)
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
