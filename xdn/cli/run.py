"""Run a net over a data set: accuracy, contest time, throughput, latency.

Without PROTOTXT the shipped net that fits the data at hand is optimized and run. The data is packed once into the
cache and mapped from there; --online decodes and preprocesses it batch by batch while running instead.

  xdn-run                                        the shipped net on CIFAR-10 where it is found, else on Glyphs-10
  xdn-run net.prototxt --weights w.caffemodel --data cifar10
  xdn-run net.xdn/net.prototxt --data photos/ --size 224x224 --threads 2 --repeat 3 --json run.json
  xdn-run net.prototxt --profile                 and what each layer takes: time, multiplications, bytes

The contest time is the wall-clock time from opening the packed file to the labels of all its images, the net loaded
and its kernels compiled.
"""

import argparse
import time

from xdn import api
from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.net_options import add_net_options, load_net
from xdn.cli.pack import image_size
from xdn.data import Dataset
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.data.source import DataSource, find_data, packed_in_cache
from xdn.errors import SettingError
from xdn.evaluate.contest import ContestResult, profile_online, profile_packed, run_online, run_packed
from xdn.evaluate.job import RunResult
from xdn.evaluate.pairing import check_pair, shipped_net, trained_for
from xdn.graph import Net
from xdn.optimize.pipeline import optimize
from xdn.report.profile import profile_table
from xdn.report.run import run_table
from xdn.runtime.profile import Profile
from xdn.session import Session


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = new_parser("xdn-run", __doc__)
    add_net_options(parser, optional=True)
    parser.add_argument(
        "--optimize", action="store_true", help="run the optimizer's stages first (shipped nets: always)"
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        metavar="DATA",
        help="a packed file, a data set's name, a folder of images by class, a list file, or the folder that holds "
        "CIFAR-10 (default: the set that the net names, else CIFAR-10 where XDN_DATA or ~/.cache/xdn has it, else "
        "Glyphs-10)",
    )
    data.add_argument("--size", type=image_size, metavar="HxW", help="resize the images of a folder or list")
    data.add_argument("--download", action="store_true", help="fetch the data set where it is not found")
    data.add_argument("--online", action="store_true", help="decode and preprocess while running")
    data.add_argument("--batch", type=positive_int, default=100, metavar="N", help="images a batch with --online")
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
    parser.add_argument("--repeat", type=positive_int, default=1, metavar="N", help="timed runs (default: 1)")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="print what each layer takes in one further run (with --online: over one batch)",
    )
    return run_command(parser, _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    net, load_s = _load(args, output) if args.net else (None, 0.0)
    found = find_data(args.data, trained_for(net) if net else None, size=args.size, download=args.download)
    source = DataSource.of(found)
    if net is None:
        args.net, args.optimize = shipped_net(source.name), True
        net, load_s = _load(args, output)
    if not args.force:
        check_pair(net, source)
    transform = api.pixel_transform(net, source.image_shape, source.channel_order)
    session = Session(net, threads=args.threads, profile=args.profile, winograd=args.winograd)
    names = {"net": str(args.net), "data": f"{source.title}, {source.split}"}
    if args.online:
        names["preprocessing"] = f"decoded on line, batch {args.batch}"
        contest, profile = _run_online(args, session, found, transform)
    else:
        names["preprocessing"] = "packed data"
        contest, profile = _run_packed(args, output, session, found, transform)
    result = RunResult.of(session, contest, load_s, names, profile)
    output.result(run_table(result))
    if profile:
        output.result(profile_table(profile))
    output.write_json(result.document())


def _run_online(
    args: argparse.Namespace, session: Session, found: PackedData | Dataset, transform: PixelTransform
) -> tuple[ContestResult, Profile | None]:
    if isinstance(found, PackedData):
        raise SettingError("packed data is decoded already", where="--online", mend="Name what it was packed from")
    contest = run_online(session, found, transform, args.batch, args.repeat)
    return contest, profile_online(session, found, transform, args.batch) if args.profile else None


def _run_packed(
    args: argparse.Namespace,
    output: Output,
    session: Session,
    found: PackedData | Dataset,
    transform: PixelTransform,
) -> tuple[ContestResult, Profile | None]:
    if isinstance(found, Dataset):
        with output.progress() as bar:
            found = packed_in_cache(found, shown(bar, f"pack {found.title}"))
    output.log(f"data: {found.path}")
    with output.progress() as bar:
        contest = run_packed(session, found.path, transform, args.repeat, shown(bar, "chunks of images"))
    return contest, profile_packed(session, found.path, transform) if args.profile else None


def _load(args: argparse.Namespace, output: Output) -> tuple[Net, float]:
    """Return the net and the seconds that reading and optimizing it took."""
    begin = time.perf_counter()
    net = load_net(args, output)
    if args.optimize:
        read, net = net, optimize(net).net
        output.log(f"optimized: {len(read.layers)} -> {len(net.layers)} layers")
    return net, time.perf_counter() - begin
