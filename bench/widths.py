#!/usr/bin/env python3
"""Compare the multiplications that pruning removes with the time that it removes: odd channel counts cost no more.

A net and the same net with the width of every inner convolution cut to odd numbers, both with random weights, run in
turn on the same images in one process.

    python bench/widths.py
    python bench/widths.py --net prototxt/resnet50_32/deploy.prototxt --ratio 0.7 --rounds 9 --json widths.json
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from measure import in_turn, median_and_spread
from narrow import narrowed, odd_width
from rich.box import SIMPLE_HEAD
from rich.table import Table
from shapes import prototxt_of
from table import place

from xdn import settings
from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.frontend import load
from xdn.frontend.weights import random_weights
from xdn.graph import Net
from xdn.optimize import optimize
from xdn.report.quantities import count
from xdn.runtime.cpu.threads.count import default_threads
from xdn.session import Session

#: The shipped nets that are measured where none is named.
NETS = ("resnet20", "resnet50_32")
#: Of 64 channels 37 are left.
RATIO = 37 / 64
FULL, NARROW = "full", "narrow"


def share(text: str) -> float:
    """Return an option's text as a number between 0 and 1, both left out."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def widths(net: Net, ratio: float) -> dict[int, int]:
    """Return the widths that change -> what they become."""
    other = narrowed(net, ratio)
    pairs = ((a.params, b.params) for a, b in zip(net.layers, other.layers, strict=True))
    return dict(sorted({a.num_output: odd_width(a.num_output, ratio) for a, b in pairs if a != b}.items()))


def measure(net: Net, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of the net and of the narrow one, and the shares removed."""
    nets = {FULL: net, NARROW: narrowed(net, args.ratio)}
    folded = {name: optimize(random_weights(each)).net for name, each in nets.items()}
    sessions = {n: Session(each, threads=args.threads, winograd=args.winograd) for n, each in folded.items()}
    rng = np.random.default_rng(0)
    feed = {name: rng.standard_normal((args.images, *b.shape[1:]), np.float32) for name, b in net.inputs.items()}
    seconds, _ = in_turn({name: partial(each.run, None, feed) for name, each in sessions.items()}, args.rounds)
    found: dict[str, Any] = {"net": net.name, "widths": widths(net, args.ratio)}
    for name, session in sessions.items():
        middle, spread = median_and_spread(seconds[name])
        macs, ms = session.plan().macs, 1e3 * middle / args.images
        found[name] = {"macs": macs, "ms": ms, "spread": spread, "gflops": 2 * macs / (1e6 * ms)}
        session.close()
    for key, removed in (("macs", "macs_removed"), ("ms", "time_removed")):
        found[removed] = 1 - found[NARROW][key] / found[FULL][key]
    return found | {"quotient": found["time_removed"] / found["macs_removed"]}


def widths_table(document: dict[str, Any]) -> Table:
    """Return a table with two rows a net, the shares on the second."""
    title = f"{document['images']} images, {document['threads']} threads, median of {document['rounds']} rounds"
    table = Table("net", "widths", title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("MACs/image", "ms/image", "spread", "GFLOP/s", "MACs removed", "time removed", "time / MACs"):
        table.add_column(name, justify="right")
    for found in document["nets"]:
        removed = tuple(f"{found[key]:.1%}" for key in ("macs_removed", "time_removed"))
        rows = (
            (FULL, found["net"], ", ".join(map(str, found["widths"])), ()),
            (NARROW, "", ", ".join(map(str, found["widths"].values())), (*removed, f"{found['quotient']:.3f}")),
        )
        for name, title, counts, last in rows:
            own = found[name]
            figures = count(own["macs"]), f"{own['ms']:.4f}", f"{own['spread']:.0%}", f"{own['gflops']:.1f}"
            table.add_row(title, counts, *figures, *last)
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure the nets and print them."""
    paths = args.net or [prototxt_of(settings.shipped_dir() / name) for name in NETS]
    found = []
    for path in paths:
        output.log(f"{path}")
        found.append(measure(load(path), args))
    document = {
        "precision": "f32",
        "images": args.images,
        "threads": args.threads,
        "rounds": args.rounds,
        "ratio": args.ratio,
        "winograd": args.winograd,
        "machine": describe_machine(),
        "nets": found,
    }
    output.result(widths_table(document), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("widths.py", __doc__ or "")
    nets = " and ".join(NETS)
    parser.add_argument(
        "--net",
        type=Path,
        action="append",
        metavar="PROTOTXT",
        help=f"may stand several times (default: the shipped {nets})",
    )
    parser.add_argument("--ratio", type=share, default=RATIO, metavar="R", help="of the widths (default: 37/64)")
    parser.add_argument("--images", type=positive_int, default=1920, metavar="N", help="in one run (default: 1920)")
    parser.add_argument("--threads", type=positive_int, default=default_threads(), metavar="N")
    parser.add_argument("--rounds", type=positive_int, default=5, metavar="N")
    parser.add_argument("--no-winograd", dest="winograd", action="store_false", help="every convolution as direct sums")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("widths.py", main))
