#!/usr/bin/env python3
"""Measure what fewer multiplications cost in precision: each layer of a trained net on its real inputs.

The references give every layer's input for some images. Each convolution for which the executor takes Winograd's
minimal filtering or Strassen's algorithm is then computed alone, without what is fused to it: in f64, by the direct f32
kernels, and with fewer multiplications.

    python bench/winograd_error.py
    python bench/winograd_error.py --algorithm strassen --net net.prototxt --data cifar10
    python bench/winograd_error.py --net prototxt/resnet20_glyphs10/resnet20.prototxt --images 200 --json error.json
"""

import argparse
import sys
from typing import Any

from layer_errors import Error, Measured, add_net_and_data, alone, error_cells, exact_output, give
from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.cli.common import Output, new_parser, run_command
from xdn.cli.entry import program
from xdn.codegen.target import host_target
from xdn.graph import Array, Layer, Net
from xdn.kernels.core.choice import FMA, RULE, STRASSEN, WINOGRADS, Choice
from xdn.kernels.core.family import FAMILIES, Lowering, legal_choices, select
from xdn.report.quantities import shape
from xdn.runtime.configuration import Configuration
from xdn.session import Session

#: How the executor computes a layer.
DIRECT, FEWER = "direct", "fewer"
#: The algorithms with fewer multiplications; kernels' names begin so. And the families that choose them.
ALGORITHMS, FEWER_FAMILIES = (*WINOGRADS, STRASSEN), ("winograd", "strassen")


def with_fewer(net: Net, asked: str | None) -> dict[str, Choice]:
    """Return the convolutions that are computed with fewer multiplications, by the rule or by what is `asked`."""

    def choices(layer: Layer) -> list[Choice]:
        lowering = Lowering(layer, net.bottom_blobs(layer), net.top_blobs(layer), host_target(), precision=FMA)
        if asked:
            return [choice for choice in legal_choices(lowering) if choice.algorithm == asked]
        return [RULE] * (select(lowering) in [FAMILIES[name] for name in FEWER_FAMILIES])

    convolutions = {layer.name: choices(layer) for layer in net.layers if layer.type == "Convolution"}
    return {name: found[0] for name, found in convolutions.items() if found}


def measure(net: Net, layer: Layer, x: Array, choice: Choice) -> dict[str, Any]:
    """Return a layer's shapes, its algorithm, and the errors of both kernels on the input `x`."""
    exact = exact_output(layer, x)
    found: dict[str, Any] = {"layer": layer.name, "bottom": x.shape[1:], "top": exact.shape[1:]}
    for how in (DIRECT, FEWER):
        choices = {"batch": {layer.name: choice}} if how == FEWER and choice != RULE else {}
        configuration = Configuration(schedule="batch", winograd=how == FEWER, precision=FMA, choices=choices)
        session = Session(alone(net, layer), configuration=configuration)
        (result,) = session.run(None, {layer.bottoms[0]: x})
        session.close()
        ops = [step.source.name.op for step in session.plan().steps]
        taken = [name for name in ALGORITHMS for op in ops if op.startswith(name)]
        assert (how == FEWER) == bool(taken)
        found["algorithm"] = next(iter(taken), "")
        found[how] = vars(Error.of(result, exact))
    return found


def error_table(layers: list[dict[str, Any]]) -> Table:
    """Return a table with a row a layer."""
    table = Table("layer", "bottom", "top", "algorithm", box=SIMPLE_HEAD)
    for how in (DIRECT, FEWER):
        for column in (f"{how}: largest", "rms"):
            table.add_column(column, justify="right")
    table.add_column("rms / rms", justify="right")
    for row in layers:
        errors = error_cells(row, (DIRECT, FEWER))
        ratio = row[FEWER]["rms"] / row[DIRECT]["rms"]
        table.add_row(row["layer"], shape(row["bottom"]), shape(row["top"]), row["algorithm"], *errors, f"{ratio:.1f}")
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all layers and print them."""
    measured = Measured.of(args)
    net = measured.net
    chosen = with_fewer(net, args.algorithm)
    layers = [layer for layer in net.layers if layer.name in chosen]
    rows = measured.rows(output, layers, lambda net, layer, x: measure(net, layer, x, chosen[layer.name]))
    usual, other = (Session(net, winograd=how == FEWER, precision=FMA) for how in (DIRECT, FEWER))
    document = measured.document(args, layers=rows, whole=measured.moved(usual, other))
    give(output, document, error_table(rows), {FEWER: document["whole"]})
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("winograd_error.py", __doc__ or "")
    add_net_and_data(parser)
    parser.add_argument(
        "--algorithm", choices=ALGORITHMS, help="every layer that it can compute (default: what the executor takes)"
    )
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("winograd_error.py", main))
