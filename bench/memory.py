#!/usr/bin/env python3
"""Measure the most memory that each engine takes for the contest: one network, the same images, a process each.

An engine's process imports and loads what that engine needs and nothing else: the network is read, folded and converted
outside. It converts the images batch by batch, and its peak is read after the labels of all images are there.

    python bench/memory.py --net prototxt/resnet20_cifar10/resnet20.prototxt
    python bench/memory.py --net prototxt/resnet50_32/deploy.prototxt --random-weights --data glyphs10
"""

import argparse
import json
import pickle
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from engine import Engine, Model, engine_class, tried
from inputs import add_options, find_inputs
from machine import describe_machine
from measure import median_and_spread
from memory_child import MODEL, REPORT, SAMPLE
from memory_table import memory_table
from process import output_of

from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program

CHILD = Path(__file__).with_name("memory_child.py")
#: Images a batch, for engines that have no batch size of their own.
BATCH = 64

Task = dict[str, Any]


def engine_tasks(engine: type[Engine], args: argparse.Namespace, packed: Path) -> list[Task]:
    """Return what the processes of one engine are to do: each of its variants once."""
    batch = args.batch or (*engine.own_batches, BATCH)[0]
    common = {"engine": engine.name, "batch": batch, "threads": args.threads}
    images = {"packed": str(packed), "images": args.images}
    return [common | images | {"variant": variant} for variant in engine.variants]


def run(folder: Path, task: Task) -> dict[str, Any]:
    """Run a task in a process of its own and return its report."""
    output_of([sys.executable, str(CHILD), str(folder), json.dumps(task)])
    report: dict[str, Any] = json.loads((folder / REPORT).read_text())
    return report


def find_tasks(
    args: argparse.Namespace, model: Model, packed: Path, output: Output
) -> tuple[list[Task], dict[str, str]]:
    """Return a task for each variant of each engine, and name -> why not of the engines that take no part.

    Each task is tried on one batch; that also leaves XDN's compiled kernels on disk.
    """
    found: list[Task] = []
    missing: dict[str, str] = {}
    for name in args.engines:
        engine, why = tried(name, lambda name=name: _prepared(name, model))
        tasks = engine_tasks(engine, args, packed) if engine else []
        for task in tasks:
            output.log(f"{name}, {task['variant']}: on one batch")
            why = why or run(model.folder, task | {"images": task["batch"]}).get("missing", "")
        if why:
            missing[name] = why
            output.log(f"{name}: {why}")
        else:
            found += tasks
    return found, missing


def _prepared(name: str, model: Model) -> type[Engine]:
    engine = engine_class(name)
    engine.prepare(model)
    return engine


def measure(tasks: Sequence[Task], folder: Path, rounds: int, output: Output) -> list[dict[str, Any]]:
    """Run all tasks in turn, `rounds` times, and return their figures: medians."""
    reports: list[list[dict[str, Any]]] = [[] for _ in tasks]
    for number in range(rounds):
        output.log(f"round {number + 1}")
        for task, found in zip(tasks, reports, strict=True):
            found.append(run(folder, task))
    return [_figures(task, found) for task, found in zip(tasks, reports, strict=True)]


def _figures(task: Task, reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    peak_bytes, spread = median_and_spread([report["peak_bytes"] for report in reports])
    before_bytes = statistics.median(report["before_bytes"] for report in reports)
    same = {key: reports[0][key] for key in ("version", "correct", "largest_difference")}
    return {key: task[key] for key in ("engine", "variant", "batch")} | {
        "before_bytes": before_bytes,
        "peak_bytes": peak_bytes,
        "peak_spread": spread,
        "own_bytes": peak_bytes - before_bytes,
        "contest_s": statistics.median(report["contest_s"] for report in reports),
        **same,
    }


def ratios(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the peaks of the other engines' lowest and of their fastest run over XDN's; empty without either side."""
    own = [run for run in runs if run["engine"] == "xdn"]
    others = [run for run in runs if run["engine"] != "xdn"]
    found = {}
    for name, key in (("lowest", "peak_bytes"), ("fastest", "contest_s")):
        if own and others:
            best = min(others, key=lambda run: run[key])
            ratio = best["peak_bytes"] / own[0]["peak_bytes"]
            found[name] = {"engine": best["engine"], "variant": best["variant"], "ratio": ratio}
    return found


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all engines and print their peaks."""
    inputs = find_inputs(args, output)
    assert inputs.path is not None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = inputs.write(folder)
        (folder / MODEL).write_bytes(pickle.dumps(model))
        images, expected = inputs.sample()
        np.savez(folder / SAMPLE, images=images, expected=expected)
        tasks, missing = find_tasks(args, model, inputs.path, output)
        runs = measure(tasks, folder, args.rounds, output)
    document = {
        "net": inputs.net.name,
        "data": inputs.title,
        "images": len(inputs.images),
        "threads": args.threads,
        "rounds": args.rounds,
        "machine": describe_machine(),
        "missing": missing,
        "runs": runs,
        "ratio": ratios(runs),
    }
    output.result(memory_table(document))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("memory.py", __doc__ or "")
    add_options(parser)
    parser.add_argument(
        "--batch", type=positive_int, metavar="N", help=f"images a batch, for all (default: {BATCH}; XDN: its own)"
    )
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("memory.py", main))
