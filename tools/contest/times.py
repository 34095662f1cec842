#!/usr/bin/env python3
"""Time the contest's configurations in turn, in one process, and write them as JSON.

    python tools/contest/times.py --list png/list.txt --packed test.packed --order rgb \\
        --net original=original/net.prototxt --net opt-b=opt-b/net.prototxt --chain opt-b --json times.json

Each net runs packed, with all threads and the default configuration: NAME-1 layer by layer as its file has it, NAME-2
optimized and fused. With --chain come the waterfall's steps, all with one thread and the prototxt's batch:

  baseline   the first net, layer by layer, PNG files decoded batch by batch
  pruned     the same with the net that --chain names
  fused      optimized and fused
  offline    and the images packed; the next step, all threads and free batches, is NAME-2
  tuned      the same with the configuration that --tuned names
  bf16       with --bf16 NAME-2 with all layers in bf16 that can be, where the processor multiplies it
  int8       NAME-2 as --int8 has it, calibrated to 8-bit integers

and, on the first net with PNG files decoded batch by batch and all threads, OpenCV's dnn module and Caffe's algorithm
(on --caffe-images images; its time is scaled to all).
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from options import by_name, named
from outside import Caffe, OpenCv

from xdn import api
from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.codegen.target import host_target
from xdn.data import find_dataset
from xdn.data.dataset import Dataset
from xdn.data.pixels import PixelTransform
from xdn.data.views import reordered
from xdn.errors import SettingError
from xdn.evaluate.bars import Bar, Contest
from xdn.evaluate.contest import Contestant, ContestResult, timed
from xdn.evaluate.contestants import Job, OnlineJob, PackedJob
from xdn.evaluate.evaluated import evaluated
from xdn.evaluate.evaluation import Evaluation
from xdn.frontend import frontend_of
from xdn.graph import Net
from xdn.graph.cost import net_cost
from xdn.kernels.core.choice import BF16, F32
from xdn.optimize.pipeline import optimize
from xdn.precision import INT8
from xdn.report.contest import NUMBERS, TUNED, sections
from xdn.runtime.configuration import Configuration, load_configuration
from xdn.runtime.cpu.threads.count import default_threads
from xdn.runtime.peak import measured_peak
from xdn.session import Session

#: Rest before each run, in seconds, so that threads that still spin for work go to sleep.
REST_S = 0.2


@dataclass(frozen=True, eq=False)
class Entry:
    """A contestant, what it is called, and how its result is made of its time and a peak in GFLOP/s."""

    key: str
    title: str
    net: Net
    contestant: Contestant
    result: Callable[[ContestResult, dict[int, float]], Evaluation]


@dataclass(frozen=True, eq=False)
class Images:
    """The test set twice: files that are decoded on line, and packed."""

    files: Dataset
    packed: Path
    batch: int

    def transform(self, net: Net) -> PixelTransform:
        """Return what the net does to the images."""
        return api.pixel_transform(net, self.files.shape, self.files.channel_order)


def weights_of(prototxt: Path) -> Path:
    """Return the caffemodel beside a prototxt that goes by the same name."""
    return prototxt.with_suffix(".caffemodel")


def xdn_entry(
    names: tuple[str, str, str], net: Net, images: Images, *, fused: bool, how: Configuration, kind: str
) -> Entry:
    """Return XDN on a net; `names` holds key, title and the prototxt, `kind` is online, batches or packed."""
    begin = time.perf_counter()
    run = optimize(net).net if fused else net
    load_s = time.perf_counter() - begin
    session, transform = Session(run, post_fusion=fused, configuration=how), images.transform(net)
    job: Job
    if kind == "online":
        job = OnlineJob(session, images.files, transform, images.batch)
    else:
        job = PackedJob(session, images.packed, transform, images.batch if kind == "batches" else None)
    stored = "PNG files, decoded on line" if kind == "online" else "packed data"
    told = {"net": names[2], "data": images.files.title, "preprocessing": stored, "load_s": load_s}

    def result(contest: ContestResult, peaks: dict[int, float]) -> Evaluation:
        # The peak is that of f32.
        peak = None if names[0] in NUMBERS else peaks[session.threads]
        return evaluated(session, contest=contest, batch=job.batch, peak_gflops=peak, **told)

    return Entry(names[0], names[1], net, job, result)


def outside_entry(names: tuple[str, str, str], net: Net, images: Images, job: OpenCv | Caffe, macs: int) -> Entry:
    """Return another engine; `names` as for XDN, `macs` what it executes for one image, 0 where that is not known."""

    def result(contest: ContestResult, peaks: dict[int, float]) -> Evaluation:
        return Evaluation(
            net=names[2],
            data=images.files.title,
            preprocessing="PNG files, decoded on line",
            contest=contest,
            macs=macs,
            load_s=job.load_s,
            compile_s=0.0,
            kernels_compiled=0,
            threads=job.threads,
            chunk_images=0,
            arena_bytes=0,
            liveness_bytes=0,
            plan="",
            isa="",
            engine=job.engine,
            batch=job.batch,
            layers=len(net.layers) - len(net.input_layers),
            peak_gflops=peaks[job.threads],
        )

    return Entry(names[0], names[1], net, job, result)


def entries(
    args: argparse.Namespace, nets: dict[str, tuple[Path, Net]], images: Images, tuned: Configuration | None
) -> list[Entry]:
    """Return all configurations in the order in which they run."""
    (path, original), threads = next(iter(nets.values())), args.threads
    found = []
    if args.chain:
        opencv = OpenCv(path, weights_of(path), images.files, images.transform(original), threads)
        caffe = Caffe(
            original,
            images.files,
            images.transform(original),
            images.batch,
            images=args.caffe_images,
            threads=default_threads(),
        )
        # im2col multiplies padding like data.
        macs = net_cost(original.with_batch(1)).macs
        found.append(outside_entry(("caffe", "Caffe's algorithm", str(path)), original, images, caffe, macs))
        found.append(outside_entry(("opencv", "OpenCV dnn", str(path)), original, images, opencv, 0))
        pruned_path, pruned = nets[args.chain]
        for key, title, (place, net), fused, kind in (
            ("baseline", "everything off", (path, original), False, "online"),
            ("pruned", "pruning", (pruned_path, pruned), False, "online"),
            ("fused", "fusion", (pruned_path, pruned), True, "online"),
            ("offline", "offline data", (pruned_path, pruned), True, "batches"),
        ):
            found.append(
                xdn_entry((key, title, str(place)), net, images, fused=fused, how=Configuration(threads=1), kind=kind)
            )
    default = Configuration(threads=threads)
    for name, (place, net) in nets.items():
        for number, fused in ((1, False), (2, True)):
            names = (f"{name}-{number}", name, str(place))
            found.append(xdn_entry(names, net, images, fused=fused, how=default, kind="packed"))
    # Where the tuner found nothing better, the default configuration's bar says all.
    if tuned and tuned != default:
        place, net = nets[args.chain]
        names = (TUNED, "tuned configuration", str(place))
        found.append(xdn_entry(names, net, images, fused=True, how=tuned, kind="packed"))
    return found + (in_fewer_bits(args, nets[args.chain], images) if args.chain else [])


def in_fewer_bits(args: argparse.Namespace, pruned: tuple[Path, Net], images: Images) -> list[Entry]:
    """Return the waterfall's net in bf16, where the processor multiplies it, and in 8-bit integers, as is asked for."""
    integers = [(INT8, args.int8, api.load(args.int8, weights_of(args.int8)), F32)] if args.int8 else []
    bf16 = [(BF16, *pruned, BF16)] if args.bf16 and host_target().multiplies_bf16 else []
    return [
        xdn_entry(
            (key, key.upper(), str(place)),
            net,
            images,
            fused=True,
            how=Configuration(threads=args.threads, precision=precision),
            kind="packed",
        )
        for key, place, net, precision in (*bf16, *integers)
    ]


def bench(args: argparse.Namespace, output: Output) -> None:
    """Time everything and print it."""
    paths = by_name("--net", args.net)
    nets = {name: (path, api.load(path, weights_of(path))) for name, path in paths.items()}
    if args.chain and args.chain not in nets:
        raise SettingError(f"no net is called {args.chain!r}", where="--chain", mend=f"Nets: {', '.join(nets)}")
    for option, given in (("--tuned", args.tuned), ("--bf16", args.bf16), ("--int8", args.int8)):
        if given and not args.chain:
            raise SettingError("this is a step of the waterfall", where=option, mend="Name its net with --chain")
    images = Images(reordered(find_dataset(str(args.list)), args.order), args.packed, args.batch or file_batch(args))
    tuned = load_configuration(args.tuned) if args.tuned else None
    found = entries(args, nets, images, tuned)
    output.log(f"{len(found)} configurations, {args.rounds} rounds in turn, {len(images.files)} images")

    def begun(number: int, place: int) -> None:
        output.log(f"round {number + 1}: {found[place].key}")
        time.sleep(REST_S)

    counts = {1, args.threads, default_threads(), (tuned.threads if tuned else None) or 1}
    before = {threads: measured_peak(threads) for threads in counts}
    results = timed([entry.contestant for entry in found], args.rounds, begun)
    peaks = {threads: max(peak, measured_peak(threads)) for threads, peak in before.items()}
    bars = []
    for entry, contest in zip(found, results, strict=True):
        if isinstance(entry.contestant, PackedJob):
            contest = replace(contest, latency=entry.contestant.latency())
        cost = net_cost(entry.net.with_batch(1))
        result = entry.result(contest, peaks)
        bars.append(Bar(entry.key, entry.title, result, len(images.files), cost.macs, cost.parameters))
    contest = Contest(args.rounds, tuple(bars))
    output.result(*(section.table() for section in sections(contest)))
    output.write_json(contest.document(), "contest")


def file_batch(args: argparse.Namespace) -> int:
    """Return the batch of the original's file: of its data layer in the phase TEST, else of its input."""
    path = args.batch_of or args.net[0][1]
    return frontend_of(path).declared_batch(path, "TEST") or next(iter(api.load(path).inputs.values())).shape[0]


def named_net(text: str) -> tuple[str, Path]:
    """Return the name and the prototxt of an option's text, NAME=PROTOTXT."""
    name, path = named(text)
    return name, Path(path)


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and time."""
    parser = new_parser("times.py", __doc__ or "")
    parser.add_argument(
        "--net",
        type=named_net,
        action="append",
        required=True,
        metavar="NAME=PROTOTXT",
        help="a net, its caffemodel of the same name beside it; the first one is the original",
    )
    parser.add_argument("--list", type=Path, required=True, metavar="FILE", help="lists the images and their labels")
    parser.add_argument("--packed", type=Path, required=True, metavar="FILE", help="the same images packed")
    parser.add_argument("--order", choices=("rgb", "bgr"), default="rgb", help="of channels, as the nets expect it")
    parser.add_argument("--chain", metavar="NAME", help="the net of the waterfall")
    parser.add_argument("--tuned", type=Path, metavar="FILE", help="a configuration for that net: the last step")
    parser.add_argument("--bf16", action="store_true", help="that net in bf16, too, where the processor multiplies it")
    parser.add_argument("--int8", type=Path, metavar="PROTOTXT", help="that net calibrated to 8-bit integers")
    batch = parser.add_mutually_exclusive_group()
    batch.add_argument("--batch", type=positive_int, metavar="N", help="images at a time before the last step")
    batch.add_argument(
        "--batch-of", type=Path, metavar="PROTOTXT", help="as many as this file says (default: the first net's)"
    )
    parser.add_argument("--threads", type=positive_int, default=default_threads(), metavar="N")
    parser.add_argument("--rounds", type=positive_int, default=3, metavar="N")
    parser.add_argument("--caffe-images", type=positive_int, default=200, metavar="N")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("times.py", main))
