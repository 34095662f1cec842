#!/usr/bin/env python3
"""Compare a recurrent layer of XDN with that of ONNX Runtime: one layer, some numbers of streams, in turn.

Each run is timed after a while (--warm, in seconds) of the same engine: by then the other one's threads, which spin for
work, are asleep.

python bench/sequences.py
python bench/sequences.py --layer gru --units 256 --steps 100 --streams 1,32 --rounds 9 --json sequences.json
"""

import argparse
import sys
from typing import Any

import numpy as np
from machine import describe_machine
from measure import WARM_S, in_turn, summary_ms
from rich.box import SIMPLE_HEAD
from rich.table import Table
from table import place

from xdn.cli.common import Output, new_parser, positive_float, positive_int, run_command
from xdn.cli.entry import program
from xdn.frontend.weights import random_weights
from xdn.graph import Layer, Net
from xdn.layers.gru import GRU
from xdn.layers.input import Input
from xdn.layers.lstm import Lstm
from xdn.layers.rnn import RNN
from xdn.runtime.cpu.threads.count import default_threads
from xdn.session import Session

OWN, OTHER = "xdn", "onnxruntime"
#: Layers of so many units whose steps all go on; the GRU is that of PyTorch.
LAYERS = {
    "lstm": lambda units: Lstm(num_output=units),
    "gru": lambda units: GRU(num_output=units, linear_before_reset=1, continue_recur=True),
    "rnn": lambda units: RNN(num_output=units, tf_rnn=True, continue_recur=True),
}


def streams(text: str) -> list[int]:
    """Return an option's text as numbers of streams."""
    return [positive_int(each) for each in text.split(",")]


def net_of(name: str, shape: tuple[int, int, int], units: int) -> Net:
    """Return a net of one layer over sequences (steps, streams, inputs), with random weights."""
    data = Layer("data", Input(shape=(shape,)), (), ("x",))
    return random_weights(Net(name, (data, Layer(name, LAYERS[name](units), ("x",), ("h",)))))


def other_engine(net: Net, threads: int) -> Any:
    """Return ONNX Runtime's session on the net's ONNX form."""
    import onnxruntime

    from xdn.frontend.onnx.writer import to_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(to_onnx(net).SerializeToString(), options, providers=["CPUExecutionProvider"])


def measure(net: Net, args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of both engines, and how far they are apart."""
    (blob,) = net.inputs.values()
    x = np.random.default_rng(0).standard_normal(blob.shape, np.float32)
    session, other = Session(net, threads=args.threads), other_engine(net, args.threads)
    actions = {OWN: lambda: session.run(None, {"x": x})[0], OTHER: lambda: other.run(None, {"x": x})[0]}
    seconds, results = in_turn(actions, args.rounds, args.warm)
    session.close()
    found: dict[str, Any] = {"streams": blob.shape[1], "difference": float(np.abs(results[OWN] - results[OTHER]).max())}
    return found | {name: summary_ms(each) for name, each in seconds.items()}


def sequences_table(document: dict[str, Any]) -> Table:
    """Return a table with a row a number of streams."""
    title = (
        f"{document['layer']}, {document['units']} units, {document['steps']} steps, {document['threads']} threads, ms"
    )
    table = Table("streams", title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in (OWN, "least", "spread", OTHER, "least", "spread", "difference"):
        table.add_column(name, justify="right")
    for found in document["found"]:
        figures = [
            f"{each[key]:{form}}"
            for each in (found[OWN], found[OTHER])
            for key, form in (("ms", ".3f"), ("least_ms", ".3f"), ("spread", ".0%"))
        ]
        table.add_row(str(found["streams"]), *figures, f"{found['difference']:.1e}")
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure each number of streams and print them."""
    found = []
    for count in args.streams:
        output.log(f"{count} streams")
        found.append(measure(net_of(args.layer, (args.steps, count, args.inputs or args.units), args.units), args))
    sizes = {name: getattr(args, name) for name in ("layer", "units", "steps", "threads", "rounds")}
    document = {"precision": "f32", **sizes, "machine": describe_machine(), "found": found}
    output.result(sequences_table(document), place(document["machine"]))
    output.write_json(document, "bench")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("sequences.py", __doc__ or "")
    parser.add_argument("--layer", choices=LAYERS, default="lstm")
    parser.add_argument("--units", type=positive_int, default=256, metavar="N", help="hidden (default: 256)")
    parser.add_argument("--inputs", type=positive_int, metavar="N", help="of a step (default: as many as units)")
    parser.add_argument("--steps", type=positive_int, default=100, metavar="N")
    parser.add_argument("--streams", type=streams, default=[1, 32], metavar="N,...", help="at a time (default: 1,32)")
    parser.add_argument("--threads", type=positive_int, default=default_threads(), metavar="N")
    parser.add_argument("--rounds", type=positive_int, default=9, metavar="N")
    parser.add_argument("--warm", type=positive_float, default=WARM_S, metavar="S")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("sequences.py", main))
