"""The option by which `xdn-run` compares with other engines, and what it tells of them."""

import argparse
from collections.abc import Sequence

from rich.progress import Progress

from xdn import settings
from xdn.cli.common import Output, shown
from xdn.evaluate.answers import stated_batch, takes_batch
from xdn.evaluate.compared import EngineJob
from xdn.evaluate.contestants import Job
from xdn.evaluate.engines import ENGINES, Engine
from xdn.graph import Net


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that this module reads."""
    batches = ", ".join(map(str, settings.COMPARED_BATCHES))
    parser.add_argument(
        "--compare", type=_names, default=(), metavar="ENGINE,...",
        help=f"run other engines on the same inputs with as many threads, in turn: {', '.join(ENGINES)}; each in f32, "
        f"with the calls ({batches} images, unless --batch says it) and in the way that is the fastest for it",
    )  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",")))


def jobs_of(
    args: argparse.Namespace, output: Output, bar: Progress, job: Job, engines: Sequence[Engine]
) -> list[EngineJob]:
    """Return the engines on the data of a job, each in its fastest setting."""
    found, told = [], shown(bar, "engines set up")
    for done, engine in enumerate(engines):
        told(done, len(engines))
        made = EngineJob(job, engine, _batches(args.batch, job.session.net, len(job.labels)))
        output.log(f"{engine.title()}: {made.setting.variant}, batch {made.setting.batch}")
        found.append(made)
    return found


def _batches(asked: int | None, net: Net, images: int) -> list[int]:
    """Return how many images a call may have."""
    if asked:
        return [asked]
    found = [batch for batch in settings.COMPARED_BATCHES if batch <= images and takes_batch(net, batch)]
    return found or [stated_batch(net) or images]
