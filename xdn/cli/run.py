"""Run a net over a data set: accuracy, contest time, throughput, latency.

Without PROTOTXT the shipped net that fits the data at hand is optimized and run. The data is packed once into the
cache and mapped from there; --online decodes and preprocesses it batch by batch while running instead.

  xdn-run                                        the shipped net on CIFAR-10 where it is found, else on Glyphs-10
  xdn-run net.prototxt --weights w.caffemodel --data cifar10
  xdn-run net.xdn/net.prototxt --data photos/ --size 224x224 --threads 2 --repeat 3 --json run.json
  xdn-run net.prototxt --profile                 and what each layer takes: time, multiplications, bytes
  xdn-run net.prototxt --per-class               and each class's accuracy, and what it is taken for
  xdn-run net.prototxt --tune --budget 60        find the fastest configuration; later runs use it

The contest time is the wall-clock time from opening the packed file to the labels of all its images, the net loaded
and its kernels compiled.
"""

import argparse
import time
from dataclasses import replace

from rich.progress import Progress

from xdn import api, settings
from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.data_options import add_data_options, finder, tell_transform
from xdn.cli.net_options import add_net_options, load_net
from xdn.cli.tune_options import add_tune_options, configured
from xdn.data import Dataset
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.data.source import DataSource, default_data, packed_in_cache
from xdn.errors import SettingError
from xdn.evaluate.contest import timed
from xdn.evaluate.contestants import Job, OnlineJob, PackedJob
from xdn.evaluate.job import RunResult
from xdn.evaluate.pairing import check_pair, shipped_net
from xdn.graph import Net
from xdn.kernels.layout import SCHEDULES
from xdn.optimize.pipeline import optimize
from xdn.report.classes import class_tables
from xdn.report.profile import profile_table
from xdn.report.run import run_table
from xdn.session import Session


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = new_parser("xdn-run", __doc__)
    add_net_options(parser, optional=True)
    layers = parser.add_mutually_exclusive_group()
    layers.add_argument(
        "--optimize", action="store_true", help="run the optimizer's stages first (shipped nets: always)"
    )
    layers.add_argument(
        "--no-fusion",
        dest="fusion",
        action="store_false",
        help="run every layer of the file by itself, for comparison: nothing is optimized, nothing fused",
    )
    default = "the set that the net names, else CIFAR-10 where XDN_DATA or ~/.cache/xdn has it, else Glyphs-10"
    add_data_options(parser, default, "test")
    data = parser.add_argument_group("how the data is run")
    data.add_argument("--online", action="store_true", help="decode and preprocess while running")
    data.add_argument(
        "--batch",
        type=positive_int,
        metavar="N",
        help=f"images in one call (default: all; with --online {settings.ONLINE_BATCH})",
    )
    data.add_argument("--force", action="store_true", help="run a net on data that it was not trained for")
    parser.add_argument(
        "--threads", type=positive_int, metavar="N", help="default: XDN_THREADS, OMP_NUM_THREADS, else all"
    )
    parser.add_argument(
        "--no-winograd",
        dest="winograd",
        action="store_false",
        help="compute every convolution as direct sums: more multiplications, smaller rounding errors",
    )
    parser.add_argument(
        "--schedule",
        choices=tuple(SCHEDULES),
        help="fill vectors with images, which suits many, or with channels, which suits few (default: by their number)",
    )
    parser.add_argument("--repeat", type=positive_int, default=1, metavar="N", help="timed runs (default: 1)")
    parser.add_argument(
        "--per-class", action="store_true", help="print each class's accuracy and what its images are taken for"
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print what each layer takes in one further run (with --online: over one batch)",
    )
    add_tune_options(parser)
    return run_command(parser, _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    net, load_s = _load(args, output) if args.net else (None, 0.0)
    usual, channels = (default_data(net), api.image_channels(net)) if net else (None, None)
    found = finder(args)(args.data, usual, split=args.split, channels=channels)
    source = DataSource.of(found)
    if net is None:
        args.net, args.optimize = shipped_net(source.name), args.fusion
        net, load_s = _load(args, output)
    if not args.force:
        check_pair(net, source)
    transform = api.pixel_transform(net, source.image_shape, source.channel_order)
    applied, suggested = api.applied_transform(net, source), tell_transform(args.net, net, output)
    session = Session(
        net,
        post_fusion=args.fusion,
        threads=args.threads,
        profile=args.profile,
        winograd=args.winograd,
        schedule=args.schedule,
    )
    with output.progress() as bar:
        if isinstance(found, Dataset) and not args.online:
            found = packed_in_cache(found, shown(bar, f"pack {found.title}"))
    path = found.path if isinstance(found, PackedData) else None
    session, how = configured(args, output, session, (path, transform))
    with output.progress() as bar:
        job, preprocessing = _job(args, output, bar, session, (found, transform))
        (contest,) = timed([job], args.repeat)
    # That of the contest: single requests, which follow, may have another.
    plans = session.plans()
    names = {"net": str(args.net), "data": f"{source.title}, {source.split}", "preprocessing": preprocessing}
    contest = replace(contest, latency=job.latency())
    profile = job.profile() if args.profile else None
    peak = profile.peak_gflops if profile else None
    further = {"profile": profile, "batch": job.batch, "peak_gflops": peak, "transform": applied}
    result = RunResult.of(session, contest, load_s, names, plans=plans, **further)
    output.result(run_table(result))
    if args.per_class:
        output.result(*class_tables(contest.accuracy))
    if profile:
        output.result(profile_table(profile))
    output.write_json(result.document() | how | suggested)


def _job(
    args: argparse.Namespace,
    output: Output,
    bar: Progress,
    session: Session,
    images: tuple[PackedData | Dataset, PixelTransform],
) -> tuple[Job, str]:
    """Return what is timed, and how its images are preprocessed, in words."""
    found, transform = images
    if args.online:
        if isinstance(found, PackedData):
            mend = "Name what it was packed from"
            raise SettingError("packed data is decoded already", where="--online", mend=mend)
        batch = args.batch or settings.ONLINE_BATCH
        return OnlineJob(session, found, transform, batch), f"decoded on line, batch {batch}"
    assert isinstance(found, PackedData)
    output.log(f"data: {found.path}")
    job = PackedJob(session, found.path, transform, args.batch, shown(bar, "chunks of images"))
    return job, f"packed data, batch {args.batch}" if args.batch else "packed data"


def _load(args: argparse.Namespace, output: Output) -> tuple[Net, float]:
    """Return the net and the seconds that reading and optimizing it took."""
    begin = time.perf_counter()
    net = load_net(args, output)
    if args.optimize:
        read, net = net, optimize(net).net
        output.log(f"optimized: {len(read.layers)} -> {len(net.layers)} layers")
    return net, time.perf_counter() - begin
