#!/usr/bin/env python3
"""Measure what Winograd's minimal filtering costs in precision: each layer of a trained net on its real inputs.

The references give every layer's input for some images. Each convolution for which the executor takes Winograd is then
computed alone, without what is fused to it: in f64, by the direct f32 kernels, and by Winograd's.

    python bench/winograd_error.py
    python bench/winograd_error.py --net prototxt/resnet20_glyphs10/resnet20.prototxt --images 200 --json error.json
"""

import argparse
import sys
from typing import Any

from layer_errors import Error, Measured, add_net_and_data, alone, error_cells, exact_output
from machine import describe_machine
from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.cli.common import Output, new_parser, run_command, shown
from xdn.cli.entry import program
from xdn.codegen.target import host_target
from xdn.graph import Array, Layer, Net
from xdn.kernels.core.choice import FMA
from xdn.kernels.core.family import FAMILIES, Lowering, select
from xdn.report.quantities import shape
from xdn.session import Session

#: How the executor computes a layer, and what its kernels' names begin with.
DIRECT, WINOGRAD = "direct", "winograd"


def by_winograd(net: Net) -> list[Layer]:
    """Return the convolutions that the executor computes by Winograd's minimal filtering."""

    def taken(layer: Layer) -> bool:
        blobs = net.bottom_blobs(layer), net.top_blobs(layer)
        lowering = Lowering(layer, *blobs, host_target(), precision=FMA)
        return layer.type == "Convolution" and select(lowering) is FAMILIES[WINOGRAD]

    return [layer for layer in net.layers if not layer.params.is_input and taken(layer)]


def measure(net: Net, layer: Layer, x: Array) -> dict[str, Any]:
    """Return a layer's shapes, its algorithm, and the errors of both kernels on the input `x`."""
    exact = exact_output(layer, x)
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


def error_table(layers: list[dict[str, Any]]) -> Table:
    """Return a table with a row a layer."""
    table = Table("layer", "bottom", "top", "algorithm", box=SIMPLE_HEAD)
    for how in (DIRECT, WINOGRAD):
        for column in (f"{how}: largest", "rms"):
            table.add_column(column, justify="right")
    table.add_column("rms / rms", justify="right")
    for row in layers:
        errors = error_cells(row, (DIRECT, WINOGRAD))
        ratio = row[WINOGRAD]["rms"] / row[DIRECT]["rms"]
        table.add_row(row["layer"], shape(row["bottom"]), shape(row["top"]), row["algorithm"], *errors, f"{ratio:.1f}")
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all layers and print them."""
    measured = Measured.of(args)
    net = measured.net
    layers = by_winograd(net)
    output.log(f"{len(layers)} layers by Winograd, {len(measured.images)} images of {measured.data}")
    rows = []
    with output.progress() as bar:
        progress = shown(bar, "layers")
        for layer in layers:
            rows.append(measure(net, layer, measured.blobs[layer.bottoms[0]]))
            progress(len(rows), len(layers))
    usual, other = (Session(net, winograd=how == WINOGRAD, precision=FMA) for how in (DIRECT, WINOGRAD))
    document = {
        "net": str(args.net),
        "data": measured.data,
        "images": len(measured.images),
        "isa": host_target().name,
        "machine": describe_machine(),
        "layers": rows,
        "whole": measured.moved(usual, other),
    }
    net_figures, machine = document["whole"], document["machine"]
    output.result(error_table(rows))
    output.result(
        f"{args.net}, {measured.data}, {len(measured.images)} images: scores move by "
        f"{net_figures['largest_difference']:.1e} at most, {net_figures['labels_that_differ']} labels differ"
    )
    output.result(f"{machine['cpu']}, {host_target().name}, {machine['system']}")
    output.write_json(document)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("winograd_error.py", __doc__ or "")
    add_net_and_data(parser)
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("winograd_error.py", main))
