"""The options by which `xdn-run` runs a data set in parts, by several processes or machines, and merges them."""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.cli.common import Output, UsageError, positive_int, result_file, result_folder, shown
from xdn.cli.data_options import RANDOM
from xdn.cli.run_data import RunData
from xdn.data import Dataset
from xdn.errors import SettingError, listed
from xdn.evaluate.answers import stated_batch
from xdn.report.classes import class_tables
from xdn.report.parts import merged_table, progress_line, workers_table
from xdn.session import Session
from xdn.shards.cut import Shard
from xdn.shards.folder import PartsFolder
from xdn.shards.merged import Merged, merged
from xdn.shards.table import pyarrow, write_table
from xdn.shards.work import Work, default_folder, run_blocks

#: What a run in parts does not do: option -> the attribute and its value where the option is not given.
_WHOLE: dict[str, tuple[str, Any]] = {
    "--compare": ("compare", ()),
    "--input": ("input", []),
    "--outputs": ("outputs", None),
    "--profile": ("profile", False),
    "--repeat": ("repeat", None),
    "--seconds": ("seconds", None),
    "--warmup": ("warmup", 0),
}
#: Attributes of the options that say what a merge reads and tells.
_MERGED = {"merge", "table", "per_class", "json", "quiet", "max_memory"}


def add_parts_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that this module reads."""
    group = parser.add_argument_group("in parts, by several processes or machines: a file a part")
    how, add = group.add_mutually_exclusive_group(), group.add_argument
    how.add_argument(
        "--shard", type=_shard, metavar="I/N",
        help="run the I-th of N equal shares of the images, the first one 1/N, and keep what the net says of each",
    )  # fmt: skip
    how.add_argument(
        "--ray", nargs="?", const="", metavar="ADDRESS",
        help="let workers of a Ray cluster run all parts, by default of the one that RAY_ADDRESS names or this machine "
        "belongs to, else of this machine alone; after PROTOTXT, or with an address",
    )  # fmt: skip
    how.add_argument("--merge", type=Path, metavar="FOLDER", help="the result of the parts in a folder, nothing else")
    add(
        "--parts", type=result_folder, metavar="FOLDER",
        help="where parts are kept; those that are there are not run again (default: NAME.parts)",
    )  # fmt: skip
    add(
        "--table", type=result_file, metavar="FILE.parquet",
        help="with --merge and --ray: write what the net says of each image as one table, in Apache Parquet",
    )  # fmt: skip
    add(
        "--block", type=positive_int, default=settings.BLOCK_IMAGES, metavar="N",
        help=f"images of a part (default: {settings.BLOCK_IMAGES})",
    )  # fmt: skip
    add(
        "--workers", type=positive_int, metavar="N",
        help="with --ray: so many, of --threads each (default: as many as the cluster has processors for)",
    )  # fmt: skip


def _shard(text: str) -> Shard:
    """Return an option's text, such as 1/4, as a shard."""
    number, _, of = text.partition("/")
    try:
        if not (number.isdecimal() and of.isdecimal()):
            raise SettingError("a shard is I/N, such as 1/4")
        return Shard(int(number), int(of))
    except SettingError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def in_parts(args: argparse.Namespace) -> bool:
    """Return whether the options ask for a run in parts; raise UsageError where others forbid it."""
    asked = args.shard is not None or args.ray is not None
    if args.workers is not None and args.ray is None:
        raise UsageError("--workers is for --ray")
    if args.table and args.ray is None:
        raise UsageError("--table is for --merge and --ray")
    if not asked:
        return False
    for option, (name, unset) in _WHOLE.items():
        if getattr(args, name) != unset:
            raise UsageError(f"{option} is for a run as a whole")
    if args.data == RANDOM:
        raise UsageError(f"--data {RANDOM} is for a run as a whole")
    return True


def run_in_parts(
    args: argparse.Namespace, output: Output, session: Session, images: Dataset | None, data: RunData
) -> None:
    """Run the parts that are asked for and not there yet, and print the result as soon as all parts are there."""
    if args.table:
        pyarrow()  # what is not installed is said before long work
    assert images is not None
    assert data.transform is not None
    batch = args.batch or stated_batch(session.net)
    work = Work(session, images, data.transform, data.scores, batch, args.images)
    run = work.run(str(args.net), args.block)
    folder = PartsFolder.begin(args.parts or default_folder(str(args.net)), run)
    cut = run.blocks()
    asked = cut if args.shard is None else args.shard.share(cut)
    missing = folder.missing(asked)
    output.log(f"parts: {folder.path}, {len(asked) - len(missing)} of {len(asked)} are there")
    begin = time.perf_counter()
    if missing:
        with output.progress() as bar:
            _runner(args)(work, folder, missing, progress=shown(bar, "images"))
    seconds = time.perf_counter() - begin
    absent = folder.unseen(cut)
    result = None if absent else merged(folder)
    output.result(progress_line(len(missing), sum(map(len, missing)), seconds))
    if absent:
        mend = f"When all are there: xdn-run --merge {folder.path}"
        output.report(f"{len(cut) - len(absent)} of {len(cut)} parts are there. {mend}")
    _tell(args, output, folder, result, {"made": len(missing), "present": len(cut) - len(absent), "seconds": seconds})


def _runner(args: argparse.Namespace) -> Callable[..., int]:
    """Return what makes parts: this process, or Ray's workers."""
    if args.ray is None:
        return run_blocks
    from xdn.ray import connected, run_parts

    def by_ray(*given: Any, **told: Any) -> int:
        """Join the cluster for as long as it takes."""
        with connected(args.ray or None):
            return run_parts(*given, workers=args.workers, **told)

    return by_ray


def merge_parts(args: argparse.Namespace, output: Output, options: Mapping[str, str]) -> None:
    """Print the result of the parts in a folder.

    Parameters
    ----------
    args : argparse.Namespace
    output : Output
    options : mapping
        Attribute -> flag of all that are given; UsageError for those that say how a net is run.
    """
    if args.net:
        raise UsageError("--merge reads what was run, and runs no net")
    if others := [flag for name, flag in options.items() if name not in _MERGED]:
        raise UsageError(f"--merge reads what was run, and runs nothing: leave out {listed(others)}")
    folder = PartsFolder.open(args.merge)
    result = merged(folder)
    _tell(args, output, folder, result, {"made": 0, "present": result.parts, "seconds": 0.0})


def _tell(
    args: argparse.Namespace, output: Output, folder: PartsFolder, result: Merged | None, said: dict[str, Any]
) -> None:
    """Print a result, where there is one already, and write the JSON."""
    run = folder.run
    if result is not None:
        output.result(merged_table(result), workers_table(result))
        if args.per_class and result.accuracy is not None:
            output.result(*class_tables(result.accuracy))
    if args.table and result is not None:
        write_table(args.table, folder)
        output.log(f"written: {args.table}")
    facts = {"folder": str(folder.path), "net": run.net, "data": run.data, "images": run.images}
    document = facts | {"parts": run.parts} | said | {"merged": asdict(result) if result else None}
    output.write_json(document, "parts")
