#!/usr/bin/env python3
"""Time a fresh process from its start to its first result, without and with compiled kernels on disk.

The net is optimized and written once, as a deployed net would be. Then, in turn: a new process with an empty cache of
kernels (cold), and a new process with the cache that the first one left (warm). Each reports where its time went and
the most memory that it had.

    python bench/startup.py --net prototxt/resnet50_32/deploy.prototxt --random-weights
    python bench/startup.py --net prototxt/resnet20_cifar10/resnet20.prototxt --rounds 5 --json startup.json
    python bench/startup.py --layers 1000                   a chain of so many small convolutions
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe_machine
from process import output_of
from rich.box import SIMPLE_HEAD
from rich.table import Table
from table import place

from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.report.quantities import size

CHILD = Path(__file__).with_name("startup_child.py")
KINDS = ("cold", "warm")
_OPTIMIZE = "from xdn.cli.optimize import main; raise SystemExit(main())"


def chain(layers: int) -> str:
    """Return the text of a net of so many convolutions one after the other, 3x3 ones and pointwise ones in turn."""
    lines = ['input: "x0" input_shape { dim: 1 dim: 8 dim: 16 dim: 16 }']
    for i in range(layers):
        window = "kernel_size: 1" if i % 2 else "kernel_size: 3 pad: 1"
        params = f"convolution_param {{ num_output: 8 {window} }}"
        lines.append(f'layer {{ name: "c{i}" type: "Convolution" bottom: "x{i}" top: "x{i + 1}" {params} }}')
    return "\n".join(lines) + "\n"


def prepare(args: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Optimize the net into `folder`, as a user would, and return its prototxt and caffemodel."""
    weights = ["--random-weights"] if args.random_weights else ["--weights", str(args.weights)] if args.weights else []
    target = folder / "net"
    output_of([sys.executable, "-c", _OPTIMIZE, str(args.net), *weights, "--output", str(target), "--quiet"])
    (prototxt,), (caffemodel,) = target.glob("*.prototxt"), target.glob("*.caffemodel")
    return prototxt, caffemodel


def start(net: tuple[Path, Path], cache: Path, threads: int, images: int) -> dict[str, Any]:
    """Run a fresh process with its kernels in `cache` and return what it reports."""
    arguments = [repr(time.monotonic()), *map(str, net), str(threads), str(images)]
    text = output_of([sys.executable, str(CHILD), *arguments], {"XDN_CACHE": str(cache)})
    report: dict[str, Any] = json.loads(text)
    return report


def medians(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of every figure of `reports`; phases need not add up to the total's median."""
    phases = {name: statistics.median(r["phases_s"][name] for r in reports) for name in reports[0]["phases_s"]}
    names = ("total_s", "peak_memory_bytes", "kernels_compiled", "kernels_from_cache")
    return {"phases_s": phases} | {name: statistics.median(r[name] for r in reports) for name in names}


def startup_table(document: dict[str, Any]) -> Table:
    """Return a table with a row a phase, and a column each for cold and warm."""
    cold, warm = (document[kind]["median"] for kind in KINDS)
    title = f"{document['net']}, {document['images']} image(s), {document['threads']} threads, ms"
    table = Table("", title=f"{title}, median of {document['rounds']}", title_justify="left", box=SIMPLE_HEAD)
    for kind in KINDS:
        table.add_column(kind, justify="right")
    for name in cold["phases_s"]:
        table.add_row(name, *(f"{1e3 * each['phases_s'][name]:.1f}" for each in (cold, warm)))
    table.add_section()
    table.add_row("to the first result", *(f"{1e3 * each['total_s']:.1f}" for each in (cold, warm)))
    table.add_row("kernels compiled", *(f"{each['kernels_compiled']:.0f}" for each in (cold, warm)))
    table.add_row("peak memory", *(size(each["peak_memory_bytes"]) for each in (cold, warm)))
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Start processes in turn and print what they report."""
    reports: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        if args.layers:
            args.net, args.random_weights = Path(folder) / f"chain of {args.layers}.prototxt", True
            args.net.write_text(chain(args.layers))
        output.log(f"optimize {args.net}")
        net = prepare(args, Path(folder))
        for number in range(args.rounds):
            cache = Path(folder) / f"cache{number}"
            for kind in KINDS:
                reports[kind].append(start(net, cache, args.threads, args.images))
                output.log(f"round {number + 1}, {kind}: {reports[kind][-1]['total_s']:.2f} s")
    document = {
        "net": f"a chain of {args.layers} convolutions" if args.layers else str(args.net),
        "threads": args.threads,
        "images": args.images,
        "rounds": args.rounds,
        "machine": describe_machine(),
        **{kind: {"median": medians(found), "runs": found} for kind, found in reports.items()},
    }
    output.result(startup_table(document), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("startup.py", __doc__ or "")
    nets = parser.add_mutually_exclusive_group(required=True)
    nets.add_argument("--net", type=Path, metavar="PROTOTXT")
    nets.add_argument("--layers", type=positive_int, metavar="N", help="a chain of N convolutions with random weights")
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=Path, help="default: the only caffemodel beside the prototxt")
    weights.add_argument("--random-weights", action="store_true")
    parser.add_argument("--threads", type=positive_int, default=2, metavar="N")
    parser.add_argument("--images", type=positive_int, default=1, metavar="N", help="of the first request (default: 1)")
    parser.add_argument("--rounds", type=positive_int, default=3, metavar="N")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("startup.py", main))
