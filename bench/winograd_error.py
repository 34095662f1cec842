#!/usr/bin/env python3
"""Measure what Winograd's minimal filtering costs in precision: each layer of a trained net on its real inputs.

The references give every layer's input for some images. Each convolution for which the executor takes Winograd is then
computed alone, without what is fused to it: in f64, by the direct f32 kernels, and by Winograd's.

    python bench/winograd_error.py
    python bench/winograd_error.py --net prototxt/resnet20_glyphs10/resnet20.prototxt --images 200 --json error.json
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn import api
from xdn.cli.common import Output, new_parser, positive_int, run_command, shown
from xdn.cli.entry import program
from xdn.codegen.target import host_target
from xdn.data.source import find_data
from xdn.evaluate.accuracy import predicted
from xdn.evaluate.pairing import check_pair, shipped_net, trained_for
from xdn.frontend import find_weights
from xdn.graph import Array, Layer, Net
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import FAMILIES, Lowering, select
from xdn.layers import LAYERS
from xdn.optimize.pipeline import optimize
from xdn.report.quantities import shape
from xdn.session import Session

#: How the executor computes a layer, and what its kernels' names begin with.
DIRECT, WINOGRAD = "direct", "winograd"


@dataclass(frozen=True)
class Error:
    """Differences to f64, relative to the largest output of the layer: the largest, and the root of the mean square."""

    largest: float
    rms: float

    @staticmethod
    def of(result: Array, exact: Array) -> "Error":
        """Return the error of `result`."""
        difference, scale = np.abs(result - exact), float(np.abs(exact).max())
        return Error(float(difference.max()) / scale, float(np.sqrt(np.mean(difference**2))) / scale)


def alone(net: Net, layer: Layer) -> Net:
    """Return the net of one layer, its bottom the input."""
    (bottom,) = layer.bottoms
    return Net(layer.name, (Layer(bottom, LAYERS["Input"](shape=(net.blobs[bottom].shape,)), (), (bottom,)), layer))


def by_winograd(net: Net) -> list[Layer]:
    """Return the convolutions that the executor computes by Winograd's minimal filtering."""

    def taken(layer: Layer) -> bool:
        blobs = net.bottom_blobs(layer), net.top_blobs(layer)
        lowering = Lowering(layer, *blobs, host_target(), precision=FMA)
        return layer.type == "Convolution" and select(lowering) is FAMILIES[WINOGRAD]

    return [layer for layer in net.layers if not layer.params.is_input and taken(layer)]


def measure(net: Net, layer: Layer, x: Array) -> dict[str, Any]:
    """Return a layer's shapes, its algorithm, and the errors of both kernels on the input `x`."""
    wide = {name: array.astype(np.float64) for name, array in layer.weights.items()}
    (exact,) = layer.params.reference([x.astype(np.float64)], wide, 1)
    found: dict[str, Any] = {"layer": layer.name, "bottom": x.shape[1:], "top": exact.shape[1:]}
    for how in (DIRECT, WINOGRAD):
        session = Session(alone(net, layer), winograd=how == WINOGRAD, precision=FMA, schedule="batch")
        (result,) = session.run(None, {layer.bottoms[0]: x})
        session.close()
        ops = [step.source.name.op for step in session.plan().steps]
        assert (how == WINOGRAD) == any(op.startswith(WINOGRAD) for op in ops)
        found["algorithm"] = next((op for op in ops if op.startswith(WINOGRAD)), "")
        found[how] = vars(Error.of(result, exact))
    return found


def whole(net: Net, images: Array) -> dict[str, Any]:
    """Return how far the scores of the whole net move, and how many labels."""
    name = next(iter(net.inputs))
    sessions = (Session(net, winograd=how == WINOGRAD, precision=FMA) for how in (DIRECT, WINOGRAD))
    direct, scores = (session.run(None, {name: images})[0] for session in sessions)
    return {
        "largest_difference": float(np.abs(scores - direct).max()),
        "labels_that_differ": int(np.count_nonzero(predicted(scores) != predicted(direct))),
    }


def error_table(layers: list[dict[str, Any]]) -> Table:
    """Return a table with a row a layer."""
    table = Table("layer", "bottom", "top", "algorithm", box=SIMPLE_HEAD)
    for how in (DIRECT, WINOGRAD):
        for column in (f"{how}: largest", "rms"):
            table.add_column(column, justify="right")
    table.add_column("rms / rms", justify="right")
    for row in layers:
        errors = [f"{row[how][column]:.1e}" for how in (DIRECT, WINOGRAD) for column in ("largest", "rms")]
        ratio = row[WINOGRAD]["rms"] / row[DIRECT]["rms"]
        table.add_row(row["layer"], shape(row["bottom"]), shape(row["top"]), row["algorithm"], *errors, f"{ratio:.1f}")
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all layers and print them."""
    net = None if args.net is None else api.load(args.net, args.weights or find_weights(args.net))
    data = find_data(args.data, trained_for(net) if net else None)
    if net is None:
        args.net = shipped_net(data.name)
        net = api.load(args.net, find_weights(args.net))
    check_pair(net, data)
    net = optimize(net).net
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    images = transform.apply(data.images(0, min(args.images, len(data))))
    layers = by_winograd(net)
    output.log(f"{len(layers)} layers by Winograd, {len(images)} images of {data.title}, {data.split}")
    blobs = net.with_batch(len(images)).forward({next(iter(net.inputs)): images})
    rows = []
    with output.progress() as bar:
        progress = shown(bar, "layers")
        for layer in layers:
            rows.append(measure(net, layer, blobs[layer.bottoms[0]]))
            progress(len(rows), len(layers))
    document = {
        "net": str(args.net),
        "data": f"{data.title}, {data.split}",
        "images": len(images),
        "isa": host_target().name,
        "machine": describe_machine(),
        "layers": rows,
        "whole": whole(net, images),
    }
    net_figures, machine = document["whole"], document["machine"]
    output.result(error_table(rows))
    output.result(
        f"{args.net}, {document['data']}, {len(images)} images: scores move by {net_figures['largest_difference']:.1e} "
        f"at most, {net_figures['labels_that_differ']} labels differ"
    )
    output.result(f"{machine['cpu']}, {host_target().name}, {machine['system']}")
    output.write_json(document)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("winograd_error.py", __doc__ or "")
    parser.add_argument("--net", type=Path, metavar="PROTOTXT", help="default: the shipped net that fits the data")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="default: the only caffemodel beside the prototxt")
    parser.add_argument("--data", metavar="DATA", help="as xdn-run takes it (default: what the net was trained for)")
    parser.add_argument("--images", type=positive_int, default=100, metavar="N", help="the first N (default: 100)")
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("winograd_error.py", main))
