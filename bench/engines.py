#!/usr/bin/env python3
"""Compare XDN with other engines: one network, the same images, engines in turn in one process.

Three modes. contest: from opening the packed file to the labels of all images. throughput: images a second with
the data in each engine's own form. latency: one image at a time. Every engine gets its best batch size and its
best way to run, found by trial; outputs are compared with the NumPy references before anything is timed. Some engines
stand there twice: also as they come, which is what users get who set nothing. OpenVINO then computes in bf16 where the
processor can, ONNX Runtime takes all cores, and XDN runs without what was tuned and stored on this machine.

With --precision f32,bf16 XDN stands there a second time, with --precision bf16, and OpenVINO, with that hint; with
--precision f32,int8 those engines stand there a second time whose tools quantize nets: XDN calibrated by
xdn-optimize's own way, OpenVINO by NNCF, ONNX Runtime by quantize_static, all by the same images.

    python bench/engines.py --net prototxt/resnet20_cifar10/resnet20.prototxt --mode contest
    python bench/engines.py --net prototxt/resnet50_32/deploy.prototxt --random-weights --mode contest --data glyphs10
    python bench/engines.py --net net.prototxt --data cifar10 --precision f32,int8 --engines xdn,openvino,onnxruntime
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from engine import F32, INT8, PRECISIONS, XDN, Engine
from entrants import Entrants
from inputs import Inputs, add_calibration_options, add_options, calibration_images, find_inputs
from machine import describe_machine
from measure import Contestant, Opener, answer, best_setting, check_agreement, opener, run_latencies, run_rounds
from table import RATIOS, best_others, summary, table

from xdn import api
from xdn.cli.common import Output, new_parser, positive_int, run_command
from xdn.cli.entry import program
from xdn.evaluate.compared import Setting
from xdn.evaluate.engines import AS_IT_COMES
from xdn.graph.cost import net_cost
from xdn.report.machine import machine_table
from xdn.runtime.peak import measured_bandwidth

#: Images timed one by one a round.
LATENCY_IMAGES = 200


def compare(args: argparse.Namespace, output: Output) -> int:
    """Run the comparison and print it."""
    inputs = find_inputs(args, output, 0 if args.mode == "contest" else args.random_images)
    opened = opener(inputs.path, args.images) if inputs.path else None
    with tempfile.TemporaryDirectory() as folder:
        model = inputs.write(Path(folder))
        entrants = Entrants(output)
        for precision in args.precision:
            asked = replace(model, precision=precision)
            if precision == INT8:
                asked = replace(asked, calibration=calibration_images(args, inputs))
            entrants.enter(args.engines, asked, args.threads)
        images, expected = inputs.sample()
        agreed = entrants.results(lambda engine: check_agreement(engine, images, expected))
        output.log(f"{len(entrants.engines)} engines agree; each is tried in its ways to run")
        contestants = measure(args, entrants, inputs, opened, output)
    differences = {name: largest for each in agreed.values() for name, largest in each.items()}
    found = summary(contestants, len(inputs.images), inputs.labels, differences)
    document = {
        "net": inputs.net.name,
        "macs": net_cost(inputs.net).macs,
        "data": inputs.title,
        "images": len(inputs.images),
        "mode": args.mode,
        "precision": ",".join(args.precision),
        "threads": args.threads,
        "rounds": args.rounds,
        "machine": describe_machine(),
        "missing": entrants.missing,
        "engines": found,
        **{RATIOS[precision]: best_others(found, precision) for precision in args.precision},
    }
    if args.mode == "latency" and (own := entrants.engines.get(XDN)):
        document["memory"] = memory_limit(own.weight_bytes(), args.threads, found[XDN]["latency_ms"])
    output.result(table(document), machine_table(api.machine()))
    if memory := document.get("memory"):
        output.result(
            f"XDN reads {1e-6 * memory['weight_bytes']:.1f} MB of weights an image; memory gives "
            f"{memory['read_gbytes']:.1f} GB/s to {args.threads} threads: {memory['percent']:.0f} % of that"
        )
    output.write_json(document, "engines")
    return 0


def memory_limit(weight_bytes: int, threads: int, latency_ms: float) -> dict[str, float]:
    """Return how near single images are to the time in which their weights can be read at all."""
    read_gbytes = measured_bandwidth(threads)
    percent = 100e-6 * weight_bytes / read_gbytes / latency_ms
    return {"weight_bytes": weight_bytes, "read_gbytes": read_gbytes, "percent": percent}


def measure(
    args: argparse.Namespace,
    entrants: Entrants,
    inputs: Inputs,
    opened: Opener | None,
    output: Output,
) -> list[Contestant]:
    """Choose each engine's setting, time all in turn, and return them with their times."""
    latency, images = args.mode == "latency", inputs.images

    def setting_of(engine: Engine) -> Setting:
        asked = [1] if latency else [args.batch] if args.batch else [*args.batches, *engine.own_batches]
        fitting = [batch for batch in asked if batch <= len(images)] or [len(images)]
        return best_setting(engine, images, fitting, output.log, one_by_one=latency)

    found = []
    for title, setting in entrants.results(setting_of).items():
        engine = entrants.engines[title]
        found.append(Contestant(engine, setting))
        if engine.stands_twice:
            again = type(engine)(engine.model, engine.threads)
            found.append(Contestant(again, replace(setting, variant=AS_IT_COMES)))
    if latency and args.precision != (F32,):
        output.log(f"{len(images)} images to be labelled, which is not timed")
        answer(found, images)
    output.log(f"{args.rounds} rounds in turn, after one that is not counted")
    if latency:
        run_latencies(found, args.rounds, images[:LATENCY_IMAGES])
    else:
        run_rounds(found, args.rounds, opened if args.mode == "contest" else None, images)
    return found


def _precisions(text: str) -> tuple[str, ...]:
    """Return an option's text as number formats."""
    chosen = text.split(",")
    if set(chosen) <= set(PRECISIONS):
        return tuple(precision for precision in PRECISIONS if precision in chosen)
    raise argparse.ArgumentTypeError(f"{text!r} is not known (choose from {', '.join(PRECISIONS)})")


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and compare."""
    parser = new_parser("engines.py", __doc__ or "")
    add_options(parser)
    parser.add_argument("--mode", choices=["contest", "throughput", "latency"], default="contest")
    parser.add_argument(
        "--precision",
        type=_precisions,
        default=(F32,),
        metavar=",".join(PRECISIONS),
        help=f"number formats to compute in, comma-separated (default: {F32})",
    )
    add_calibration_options(parser)
    parser.add_argument(
        "--random-images", type=positive_int, default=128, help="how many where no data set fits the net"
    )
    parser.add_argument("--batch", type=positive_int, help="this batch size for all (default: each engine's best)")
    parser.add_argument(
        "--batches",
        type=lambda t: [positive_int(b) for b in t.split(",")],
        default=[1, 16, 32, 64, 100, 128, 200],
        help="batch sizes to try",
    )
    return run_command(parser, compare, argv)


if __name__ == "__main__":
    sys.exit(program("engines.py", main))
