#!/usr/bin/env python3
"""Compare what rules predict for each layer with what it takes, over the shipped nets, with random weights.

A layer's time is the median of many runs; its error is |predicted - measured| / measured. Conversions of inputs and
outputs count as layers.

    python bench/predictions.py
    python bench/predictions.py --net resnet50 --threads 1 --worst 20
    python bench/predictions.py --images 64 --json predictions.json
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from kernels import net_folder
from machine import describe_machine
from rich.box import SIMPLE_HEAD
from rich.table import Table

import xdn
from xdn import api, settings
from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.entry import program
from xdn.graph import Array, Net
from xdn.report.machine import machine_table
from xdn.runtime.profile import LayerProfile

#: Runs of a net at least.
_LEAST_RUNS = 5


def profiles(net: Net, threads: int, images: int, seconds: float) -> list[tuple[LayerProfile, ...]]:
    """Return the layers of each of many runs on random images."""
    session = xdn.Session(net, threads=threads, profile=True)
    rng = np.random.default_rng(0)
    feed: dict[str, Array] = {
        name: rng.standard_normal((images, *blob.shape[1:]), np.float32) for name, blob in session.net.inputs.items()
    }
    session.run(None, feed)
    found, begin = [], time.perf_counter()
    while len(found) < _LEAST_RUNS or time.perf_counter() - begin < seconds:
        session.run(None, feed)
        found.append(session.profile(peak_gflops=1.0).layers)
    session.close()
    return found


def measure(path: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return a net's layers that took time: name, kernels, milliseconds measured and predicted, error."""
    net = xdn.optimize(xdn.load(path, random_weights=True)).net
    runs, layers = profiles(net, args.threads, args.images, args.seconds), []
    for same in zip(*runs, strict=True):
        ms, first = statistics.median(layer.ms for layer in same), same[0]
        if ms and first.predicted_ms:
            error = abs(first.predicted_ms - ms) / ms
            row = {"layer": first.name, "kernels": first.kernels, "ms": ms, "predicted_ms": first.predicted_ms}
            layers.append(row | {"error": error})
    errors = [layer["error"] for layer in layers]
    totals = {key: sum(layer[key] for layer in layers) for key in ("ms", "predicted_ms")}
    return {
        "net": path.parent.name,
        "runs": len(runs),
        "mean_error": statistics.mean(errors),
        **totals,
        "layers": layers,
    }


def net_table(nets: list[dict[str, Any]], mean_error: float) -> Table:
    """Return a table with a row a net."""
    table = Table(box=SIMPLE_HEAD, show_footer=True, footer_style="bold")
    layers = sum(len(net["layers"]) for net in nets)
    columns = ("net", "layers", "measured, ms", "predicted", "ratio", "mean error of layers")
    for name, footer in zip(columns, ("all layers", str(layers), "", "", "", f"{mean_error:.1%}"), strict=True):
        table.add_column(name, footer, justify="left" if name == "net" else "right")
    for net in nets:
        ratio = net["predicted_ms"] / net["ms"]
        figures = f"{net['ms']:.3f}", f"{net['predicted_ms']:.3f}", f"{ratio:.2f}", f"{net['mean_error']:.1%}"
        table.add_row(net["net"], str(len(net["layers"])), *figures)
    return table


def worst_table(nets: list[dict[str, Any]], count: int) -> Table:
    """Return a table of the layers whose milliseconds are predicted worst."""
    table = Table("net", "layer", "kernels", "measured, ms", "predicted", box=SIMPLE_HEAD)
    rows = [(net["net"], layer) for net in nets for layer in net["layers"]]
    rows.sort(key=lambda row: -abs(row[1]["predicted_ms"] - row[1]["ms"]))
    for net, layer in rows[:count]:
        kernels = ", ".join(name.partition("__")[0] for name in layer["kernels"])
        table.add_row(net, layer["layer"], kernels, f"{layer['ms']:.3f}", f"{layer['predicted_ms']:.3f}")
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all nets and print how far the predictions are off."""
    folders = args.net or sorted(path for path in settings.shipped_dir().iterdir() if path.is_dir())
    paths = [folder / "deploy.prototxt" for folder in folders if (folder / "deploy.prototxt").exists()]
    nets = []
    with output.progress() as bar:
        progress = shown(bar, "nets")
        for path in paths:
            nets.append(measure(path, args))
            progress(len(nets), len(paths))
    mean_error = statistics.mean(layer["error"] for net in nets for layer in net["layers"])
    output.result(net_table(nets, mean_error))
    if args.worst:
        output.result(worst_table(nets, args.worst))
    machine = describe_machine()
    output.result(f"{machine['cpu']}, {args.threads} threads, {args.images} images, {machine['system']}")
    output.result(machine_table(api.machine()))
    settings_used = {"threads": args.threads, "images": args.images, "seconds": args.seconds}
    output.write_json(settings_used | {"machine": machine, "mean_error": mean_error, "nets": nets}, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("predictions.py", __doc__ or "")
    parser.add_argument(
        "--net", type=net_folder, action="append", help="a shipped net or a folder; default: all of them"
    )
    parser.add_argument("--threads", type=positive_int, default=2, metavar="N")
    parser.add_argument("--images", type=positive_int, default=1, metavar="N", help="of a run (default: 1)")
    parser.add_argument("--seconds", type=float, default=2.0, help="for which each net is run (default: 2)")
    parser.add_argument(
        "--worst", type=int, default=0, metavar="N", help="list so many layers that are predicted worst"
    )
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("predictions.py", main))
