#!/usr/bin/env python3
"""Time every kernel family on the layer shapes of the shipped nets, each layer alone, against the machine's peak.

Every layer type with other parameters or another shape is one net of one layer with random weights, run by the normal
plan and executor after a warm-up. Only the layer counts, not the conversion of its inputs and outputs.

    python bench/kernels.py
    python bench/kernels.py --net resnet50_32 --family contract --seconds 0.5 --json kernels.json
    python bench/kernels.py --net resnet50 --schedule channel
    python bench/kernels.py --net resnet50 --schedule channel --images 1 --exhaustive
"""

import argparse
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alone import Alone, TooLargeError
from choices import compare_choices, net_totals
from kernel_table import case_table, choice_table, summary_table, total_table
from machine import describe_machine
from shapes import Case, collect

from xdn import api, settings
from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.entry import program
from xdn.codegen.target import host_target
from xdn.errors import UnknownNameError
from xdn.kernels.core.family import FAMILIES
from xdn.kernels.core.layout import BATCH, SCHEDULES
from xdn.report.machine import machine_table
from xdn.runtime.cpu.threads.count import default_threads
from xdn.runtime.peak import measured_peak


def measure(case: Case, threads: int, seconds: float, images: int | None) -> dict[str, Any]:
    """Return the case's figures, or why it was not run.

    Runs are repeated for at least `seconds`; the one with the median time is taken. Each run gives every thread one or
    more of the chunks that the executor's plan makes, unless `images` says how many images it has.
    """
    found: dict[str, Any] = {
        "family": case.family,
        "type": case.layer.type,
        "parameters": case.parameters,
        "bottoms": case.shapes,
        "origin": case.origin,
        "nets": dict(case.used),
    }
    try:
        alone = Alone(case, threads, images)
    except TooLargeError as error:
        return found | {"skipped": str(error)}
    peak_gflops = measured_peak(threads)
    layers = alone.times(seconds, peak_gflops)
    alone.close()
    middle = layers[(len(layers) - 1) // 2]
    figures = {key: value for key, value in asdict(middle).items() if key not in ("name", "type", "share")}
    spread = (layers[-1].ms - layers[0].ms) / middle.ms if middle.ms else 0.0
    return found | figures | {"images": alone.images, "runs": len(layers), "spread": spread, "peak_gflops": peak_gflops}


def summary(cases: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return family -> how many shapes, and lowest, median and highest percent of the peak and GB/s."""
    found: dict[str, dict[str, Any]] = {}
    for family in dict.fromkeys(case["family"] for case in cases):
        own = [case for case in cases if case["family"] == family and case.get("ms")]
        found[family] = {"shapes": sum(case["family"] == family for case in cases), "timed": len(own)}
        for key in ("peak_percent", "gbytes"):
            values = [case[key] for case in own if case[key]]
            if values:
                found[family][key] = [min(values), statistics.median(values), max(values)]
    return found


def exhaustive(args: argparse.Namespace, cases: list[Case], output: Output) -> int:
    """Compare the rule with all choices and print what it leaves."""
    results = []
    with output.progress() as bar:
        progress = shown(bar, "layers")
        for number, case in enumerate(cases, 1):
            results += compare_choices(case, args.threads, args.seconds, args.images)
            progress(number, len(cases))
    totals = net_totals(results)
    output.result(choice_table(results), total_table(totals))
    machine = describe_machine()
    output.result(f"{machine['cpu']}, {args.threads} threads, {host_target().name}, {machine['system']}")
    output.result(machine_table(api.machine()))
    settings_used = {"schedule": args.schedule, "threads": args.threads, "seconds": args.seconds, "images": args.images}
    output.write_json(settings_used | {"machine": machine, "totals": totals, "cases": results}, "bench")
    return 0


def net_folder(text: str) -> Path:
    """Return the folder that an option names: a path, or a shipped net."""
    path = Path(text)
    return path if path.is_dir() else settings.shipped_dir() / text


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all cases and print them."""
    folders = args.net or sorted(path for path in settings.shipped_dir().iterdir() if path.is_dir())
    for family in args.family:
        if family not in FAMILIES:
            raise UnknownNameError(f"unknown kernel family {family!r}", mend=f"Known: {', '.join(FAMILIES)}")
    cases, without = collect(folders, SCHEDULES[args.schedule])
    chosen = [case for case in cases if not args.family or case.family in args.family]
    output.log(f"{len(chosen)} layers")
    if args.exhaustive:
        return exhaustive(args, chosen, output)
    results = []
    with output.progress() as bar:
        progress = shown(bar, "layers")
        for case in chosen:
            results.append(measure(case, args.threads, args.seconds, args.images))
            progress(len(results), len(chosen))
    families = summary(results)
    document = {
        "nets": [folder.name for folder in folders],
        "schedule": args.schedule,
        "threads": args.threads,
        "seconds": args.seconds,
        "images": args.images,
        "isa": host_target().name,
        "machine": describe_machine(),
        "families": families,
        "families_without_a_shape": without,
        "cases": results,
    }
    machine = document["machine"]
    output.result(case_table(results), summary_table(families))
    if without:
        output.result(f"no shape in these nets: {', '.join(without)}")
    output.result(f"{machine['cpu']}, {args.threads} threads, {host_target().name}, {machine['system']}")
    output.result(machine_table(api.machine()))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("kernels.py", __doc__ or "")
    parser.add_argument(
        "--net",
        type=net_folder,
        action="append",
        metavar="FOLDER",
        help="a shipped net, or a folder with one prototxt; may stand several times (default: all that ship)",
    )
    parser.add_argument(
        "--family", action="append", default=[], metavar="NAME", help="this kernel family only; may stand several times"
    )
    parser.add_argument(
        "--schedule",
        choices=tuple(SCHEDULES),
        default=BATCH.name,
        help="kernels for many images, or for few (default: batch)",
    )
    parser.add_argument(
        "--images", type=positive_int, metavar="N", help="images of a run (default: some chunks for each thread)"
    )
    parser.add_argument(
        "--exhaustive",
        action="store_true",
        help="compare the rule's choice of algorithm, register tile and order with every other one, layer by layer",
    )
    parser.add_argument("--threads", type=positive_int, default=default_threads(), metavar="N")
    parser.add_argument("--seconds", type=float, default=0.2, metavar="S", help="for each layer (default: 0.2)")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("kernels.py", main))
