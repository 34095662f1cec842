"""Run a net over a data set: accuracy, contest time, throughput, latency.

Without PROTOTXT the shipped net that fits the data at hand is optimized and run. The data is packed once into the
cache and mapped from there; --online decodes and preprocesses it batch by batch while running instead.

  xdn-run                                        the shipped net on CIFAR-10 where it is found, else on Glyphs-10
  xdn-run net.prototxt --weights w.caffemodel --data cifar10
  xdn-run net.xdn/net.prototxt --data photos/ --size 224x224 --threads 2 --repeat 3 --json run.json
  xdn-run net.prototxt --profile                 and what each layer takes: time, multiplications, bytes
  xdn-run net.prototxt --trace trace.json        and when each thread did what, for ui.perfetto.dev
  xdn-run net.prototxt --per-class               and each class's accuracy, and what it is taken for
  xdn-run net.prototxt --tune --budget 60        find the fastest configuration; later runs use it
  xdn-run net.prototxt --precision auto          in the fastest of f32, bf16, 8-bit integers and a mixture of them that
                                                 errs little enough
  xdn-run net.prototxt --random-weights --data random --batch 1      times alone: any net, no data
  xdn-run net.onnx --input values.npz --outputs results.npz          arrays in and out, for any inputs
  xdn-run net.prototxt --data cifar10 --compare onnxruntime,openvino   in turn with other engines, in one table
  xdn-run net.prototxt --data photos.packed --shard 1/4 --parts shared/   a quarter of the images, kept in a folder
  xdn-run --merge shared/                        and, when all four are there, the result of all of them
  xdn-run net.prototxt --data photos.packed --ray --parts shared/      all parts, by the workers of a Ray cluster

Accuracy is counted where an output of the net tells the classes of images, --score or what the net says of it; of other
nets, such as detectors, shape and range of the outputs are printed. With --data random a net that reads images gets
pixels from 0 to 255, any other one values of the standard normal distribution, and what its layers ask for: regions
within the image, the image's size, numbers of rows.

The contest time is the wall-clock time from opening the packed file to the labels of all its images, the net loaded
and its kernels compiled.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from xdn import api
from xdn.cli import run_data
from xdn.cli.array_options import add_array_options, given_data, write_outputs
from xdn.cli.common import Output, given, new_parser, positive_int, result_file, run_command, shown
from xdn.cli.compare_options import add_compare_options, jobs_of
from xdn.cli.data_options import RANDOM
from xdn.cli.described import options_given
from xdn.cli.net_options import add_net_options, load_net
from xdn.cli.parts_options import add_parts_options, in_parts, merge_parts, run_in_parts
from xdn.cli.precision_options import add_precision_options, opened
from xdn.cli.run_data import RunData, rounds_shown
from xdn.cli.tune_options import add_tune_options, configured
from xdn.element import WEIGHT_ELEMENTS
from xdn.errors import SettingError
from xdn.evaluate.compared import Compared, compared, engines_of
from xdn.evaluate.evaluated import evaluated
from xdn.evaluate.evaluation import Evaluation
from xdn.evaluate.pairing import shipped_net
from xdn.files import write_atomically
from xdn.graph import Net
from xdn.graph.cost import net_cost
from xdn.kernels.core.layout import SCHEDULES
from xdn.optimize.pipeline import optimize
from xdn.report.classes import class_tables
from xdn.report.compared import compared_document, compared_table
from xdn.report.profile import ProfileTable, profile_csv
from xdn.report.quantities import count
from xdn.report.run import run_table
from xdn.report.trace import timeline_trace
from xdn.runtime.profile import Profile
from xdn.runtime.session import Session
from xdn.runtime.timeline import Timeline


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-run", __doc__)
    add_net_options(made, optional=True)
    layers = made.add_mutually_exclusive_group()
    layers.add_argument(
        "--optimize", action="store_true", help="run the optimizer's stages first (shipped nets: always)"
    )
    layers.add_argument(
        "--no-fusion", dest="fusion", action="store_false",
        help="run every layer of the file by itself, for comparison: nothing is optimized, nothing fused",
    )  # fmt: skip
    run_data.add_run_options(made)
    add_array_options(made)
    add_compare_options(made)
    add_parts_options(made)
    add = made.add_argument
    add("--threads", type=positive_int, metavar="N", help="default: XDN_THREADS, OMP_NUM_THREADS, else all")
    add(
        "--no-winograd", dest="winograd", action="store_false",
        help="compute every convolution as direct sums: more multiplications, smaller rounding errors",
    )  # fmt: skip
    add_precision_options(made)
    add(
        "--weights-as", choices=tuple(WEIGHT_ELEMENTS),
        help="store weights of convolutions and inner products in a number format of half the size: less memory, and "
        "less of it to read for each image of a few; their values are rounded, sums remain f32 (default: f32)",
    )  # fmt: skip
    add(
        "--schedule", choices=tuple(SCHEDULES),
        help="fill vectors with images, which suits many, or with channels, which suits few (default: by their number)",
    )  # fmt: skip
    add("--per-class", action="store_true", help="print each class's accuracy and what its images are taken for")
    add(
        "--profile", action="store_true",
        help="print what each layer takes in one further run (with --online: over one batch)",
    )  # fmt: skip
    add("--wide", action="store_true", help="all columns of the profile, however narrow the terminal")
    add("--profile-csv", type=result_file, metavar="FILE", help="--profile, and write its rows as CSV, in full")
    add(
        "--trace", type=result_file, metavar="FILE", help="--profile, and write when each thread did what, for Perfetto"
    )
    add_tune_options(made)
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.merge:
        merge_parts(args, output, options_given(parser(), args))
        return
    args.profile |= args.profile_csv is not None or args.trace is not None
    args.in_parts = in_parts(args)
    net, load_s = _load(args, output) if args.net else (None, 0.0)
    if args.input:
        data = given_data(args, net)
    elif args.data == RANDOM:
        data = run_data.random_data(args, net)
    else:
        images = run_data.found_images(args, net)
        if net is None:
            args.net, args.optimize = shipped_net(images.name), args.fusion
            net, load_s = _load(args, output)
        data = run_data.labelled_data(args, output, net, images)
    assert net is not None
    if data.scores is None and args.per_class:
        raise SettingError(f"there are no classes to list: {data.said}", where="--per-class")
    if data.scores is not None and data.scores.blob not in net.outputs:
        net = net.replace(outputs=(*net.outputs, data.scores.blob))
    _measure(args, output, net, load_s, data)


def _measure(args: argparse.Namespace, output: Output, net: Net, load_s: float, data: RunData) -> None:
    """Run the net on the data, print what came of it, and write it as JSON."""
    how_run = given(args, "threads", "profile", "winograd", "weights_as", "schedule")
    session, how_found = opened(args, output, net, data, how_run)
    # What is not installed is said before long work.
    with engines_of(net, args.compare, session.threads) as engines, run_data.packed(args, output, data) as images:
        session, how = configured(args, output, session, images, data)
        if args.in_parts:
            run_in_parts(args, output, session, images, data)
            return
        with output.progress() as bar:
            job, preprocessing = run_data.job_of(args, output, bar, session, images, data)
            others, rounds = jobs_of(args, output, bar, job, engines), run_data.rounds_of(args)
            contest, *theirs = compared(job, others, rounds, rounds_shown(bar, rounds, 1 + len(others)))
            # That of the contest: single requests, which follow, may have another.
            plans = session.plans()
            contest = replace(contest, latency=job.latency(args.percentiles))
            found = [other.result(each, args.percentiles) for other, each in zip(others, theirs, strict=True)]
            outputs = () if data.scores else job.outputs()
            profile = job.profile() if args.profile else None
            if args.trace:
                _write_trace(args, output, session.timeline())
            if args.outputs:
                write_outputs(args.outputs, job, output)
    result = evaluated(
        session,
        plans,
        net=str(args.net),
        data=data.title,
        preprocessing=preprocessing,
        contest=contest,
        load_s=load_s,
        profile=profile,
        peak_gflops=profile.peak_gflops if profile else None,
        batch=job.batch,
        counted=data.said,
        outputs=outputs,
        transform=data.applied,
    )
    _tell(args, output, result, found)
    said = result.document() | how_found | how | data.suggested | _beside(session, profile)
    output.write_json(said | compared_document(result, found), "run")


def _tell(args: argparse.Namespace, output: Output, result: Evaluation, others: Sequence[Compared]) -> None:
    """Print a result, and that of other engines; a profile is written before, for a reader of the rest may be gone."""
    if result.profile and args.profile_csv:
        write_atomically(args.profile_csv, profile_csv(result.profile).encode())
        output.log(f"written: {args.profile_csv}")
    output.result(run_table(result))
    if others:
        output.result(compared_table(result, others))
    if args.per_class:
        output.result(*class_tables(result.contest.counted))
    if result.profile:
        output.result(ProfileTable(result.profile), wide=args.wide)


def _write_trace(args: argparse.Namespace, output: Output, found: Timeline) -> None:
    """Write when each thread did what."""
    write_atomically(args.trace, json.dumps(timeline_trace(found, str(args.net))).encode())
    left_out = f", without {count(found.lost)} later calls of kernels" if found.lost else ""
    output.log(f"written: {args.trace}{left_out}")


def _beside(session: Session, profile: Profile | None) -> dict[str, Any]:
    """Return what the JSON says of the net that ran, and of the machine that a profile is compared with."""
    found: dict[str, Any] = {"cost": asdict(net_cost(session.net))}
    return found | ({"ceilings": api.machine().document()} if profile else {})


def _load(args: argparse.Namespace, output: Output) -> tuple[Net, float]:
    """Return the net and the seconds that reading and optimizing it took."""
    begin = time.perf_counter()
    net = load_net(args, output)
    if args.optimize:
        with output.progress() as bar:
            read, net = net, optimize(net, progress=shown(bar, "optimize")).net
        output.log(f"optimized: {len(read.layers)} -> {len(net.layers)} layers")
    return net, time.perf_counter() - begin
