#!/usr/bin/env python3
"""Compare XDN with other engines: one network, the same images, engines in turn in one process.

Three modes. contest: from opening the packed file to the labels of all images. throughput: images a second with
the data in each engine's own form. latency: one image at a time. Every engine gets its best batch size and its
best way to run, found by trial; outputs are compared with the NumPy references before anything is timed.

    python bench/engines.py --net prototxt/resnet20_cifar10/resnet20.prototxt --mode contest
    python bench/engines.py --net prototxt/resnet50_32/deploy.prototxt --random-weights --mode contest --data glyphs10
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from engine import Engine, Model, discover
from machine import describe_machine
from measure import Contestant, best_setting, check_agreement, run_latencies, run_rounds
from table import summary, table

from xdn.cli.common import Output, new_parser, run_command
from xdn.data import find_dataset
from xdn.data.packed import PackedData, cached_path, pack
from xdn.data.pixels import PixelTransform
from xdn.errors import DataError, UnsupportedError
from xdn.frontend import find_weights, load, read_binaryproto, save
from xdn.frontend.onnx import save_onnx
from xdn.graph.cost import net_cost
from xdn.graph.net import Net
from xdn.graph.transform import Transform
from xdn.optimize.pipeline import optimize

#: Images on which the engines are compared with the references.
SAMPLE = 4
#: Largest difference of an engine, relative to the largest output: f32 with other algorithms (Winograd).
TOLERANCE = 1e-3
#: Images timed one by one a round.
LATENCY_IMAGES = 200


def read_net(args: argparse.Namespace) -> Net:
    """Return the net with BatchNorm and Scale folded, as every engine gets it."""
    weights = None if args.random_weights else args.weights or find_weights(args.net)
    return optimize(load(args.net, weights, random_weights=args.random_weights)).net


def packed_file(args: argparse.Namespace, net: Net, output: Output) -> Path | None:
    """Return a packed file whose images fit the net; None where the data set's do not."""
    if args.data is not None and args.data.endswith(".packed"):
        return Path(args.data)
    dataset = find_dataset(args.data or net.input_layers[0].params.source or None)
    c, h, w = next(iter(net.inputs.values())).shape[1:]
    if dataset.shape != (h, w, c):
        return None
    path = cached_path(dataset)
    if not path.exists():
        output.log(f"packing {dataset.title} into {path}")
        pack(dataset, path)
    return path


def opener(path: Path, count: int) -> Callable[[], PackedData]:
    """Return a function that opens the first `count` images of a packed file."""

    def opened() -> PackedData:
        packed = PackedData.open(path)
        return (
            replace(packed, images=packed.images[:count], labels=packed.labels[:count])
            if count < len(packed.labels)
            else packed
        )

    return opened


def seeded_images(net: Net, count: int) -> np.ndarray:
    """Return random images u8 (count, h, w, c) of the net's input size."""
    c, h, w = next(iter(net.inputs.values())).shape[1:]
    return np.random.default_rng(0).integers(0, 256, (count, h, w, c), np.uint8)


def make_engines(names: Sequence[str], model: Model, threads: int, output: Output) -> tuple[dict[str, Engine], dict]:
    """Return the engines that could be made, and name -> why not of the others."""
    engines, missing = {}, {}
    for name in names:
        try:
            engines[name] = discover()[name](model, threads)
        except ImportError as error:
            missing[name] = f"missing: {error}"
        except UnsupportedError as error:
            missing[name] = f"cannot run this net: {error}"
        if name in missing:
            output.log(f"{name}: {missing[name]}")
    return engines, missing


def compare(args: argparse.Namespace, output: Output) -> int:
    """Run the comparison and print it."""
    net = read_net(args)
    path = packed_file(args, net, output)
    if path is None and args.mode == "contest":
        raise DataError("the data set's images do not fit the net's input", mend="Take --mode throughput or --data")
    packed = opener(path, args.images)() if path else None
    images = packed.images if packed else seeded_images(net, min(args.images, args.random_images))
    (blob,) = net.inputs.values()
    transform = net.input_layers[0].params.transform if packed else Transform(scale=1 / 64, mean_value=(128.0,))
    folders = [net.folder] if net.folder else []
    pixels = PixelTransform.of(transform, images.shape[1:], blob.shape[1:], folders, read_binaryproto)
    with tempfile.TemporaryDirectory() as folder:
        model = Model(net, Path(folder), pixels)
        save(net, model.folder / "net.prototxt", model.folder / "net.caffemodel")
        save_onnx(net, model.folder / "net.onnx")
        engines, missing = make_engines(args.engines, model, args.threads, output)
        sample = np.ascontiguousarray(images[:SAMPLE])
        expected = net.with_batch(len(sample)).forward({model.input_name: pixels.apply(sample)})[net.outputs[0]]
        differences = check_agreement(engines, sample, expected, TOLERANCE)
        contestants = measure(args, engines, images, opener(path, args.images) if path else None, output)
    document = {
        "net": net.name,
        "macs": net_cost(net).macs,
        "data": packed.header.title if packed else "random images",
        "images": len(images),
        "mode": args.mode,
        "threads": args.threads,
        "rounds": args.rounds,
        "machine": describe_machine(),
        "missing": missing,
        "engines": summary(contestants, len(images), packed.labels if packed else None, differences),
    }
    output.result(table(document))
    output.write_json(document)
    return 0


def measure(
    args: argparse.Namespace,
    engines: dict[str, Engine],
    images: np.ndarray,
    opened: Callable[[], PackedData] | None,
    output: Output,
) -> list[Contestant]:
    """Choose each engine's setting, time all in turn, and return them with their times."""
    latency = args.mode == "latency"
    found = []
    for engine in engines.values():
        tried = [1] if latency else [args.batch] if args.batch else [*args.batches, *engine.own_batches]
        fitting = [batch for batch in tried if batch <= len(images)] or [len(images)]
        found.append(Contestant(engine, best_setting(engine, images, fitting, output.log)))
    output.log(f"{args.rounds} rounds in turn, after one that is not counted")
    if latency:
        run_latencies(found, args.rounds, images[:LATENCY_IMAGES])
    else:
        run_rounds(found, args.rounds, opened if args.mode == "contest" else None, images)
    return found


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and compare."""
    parser = new_parser("engines.py", __doc__ or "")
    known = list(discover())

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        return chosen

    parser.add_argument("--net", type=Path, required=True, metavar="PROTOTXT")
    parser.add_argument("--weights", type=Path, help="default: the only caffemodel beside the prototxt")
    parser.add_argument("--random-weights", action="store_true")
    parser.add_argument("--data", help="data set, or a .packed file (default: the one that the net names)")
    parser.add_argument("--engines", type=names, default=known, help=f"comma-separated (default: {','.join(known)})")
    parser.add_argument("--mode", choices=["contest", "throughput", "latency"], default="contest")
    parser.add_argument("--images", type=int, default=10_000, help="at most this many")
    parser.add_argument("--random-images", type=int, default=128, help="how many where no data set fits the net")
    parser.add_argument("--batch", type=int, help="this batch size for all (default: each engine's best)")
    parser.add_argument(
        "--batches",
        type=lambda t: [int(b) for b in t.split(",")],
        default=[1, 16, 32, 64, 100, 128, 200],
        help="batch sizes to try",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    return run_command(parser, compare, argv)


if __name__ == "__main__":
    sys.exit(main())
