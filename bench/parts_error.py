#!/usr/bin/env python3
"""Measure what sums of products of bf16 parts err: each layer of a trained net on its real inputs.

The references give every layer's input for some images. Each layer that the tile unit can compute is then computed
alone, without what is fused to it: in f64, by the direct f32 kernels, and by six and by three products of parts. Where
there is no tile unit XDN_TARGET=amx-emulated gives the same bits.

    XDN_TARGET=amx-emulated python bench/parts_error.py
    XDN_TARGET=amx-emulated python bench/parts_error.py --data cifar10 --images 20 --json error.json
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
from xdn.errors import SettingError
from xdn.graph import Array, Layer, Net
from xdn.kernels.contract.matrix.rule import can_be_tiled
from xdn.kernels.core.choice import BF16X3, BF16X6, FMA, TILED, Choice
from xdn.kernels.core.family import Lowering
from xdn.report.quantities import shape
from xdn.runtime.configuration import Configuration
from xdn.session import Session

#: How a layer is computed.
WAYS = DIRECT, *_ = ("direct", *TILED)


def by_tiles(net: Net) -> list[Layer]:
    """Return the layers that the tile unit can compute, but for those that read a second blob."""

    def taken(layer: Layer) -> bool:
        lowering = Lowering(layer, net.bottom_blobs(layer), net.top_blobs(layer), host_target())
        return layer.type in ("Convolution", "InnerProduct") and len(layer.bottoms) == 1 and can_be_tiled(lowering)

    return [layer for layer in net.layers if taken(layer)]


def session_of(net: Net, how: str) -> Session:
    """Return the session that computes a net of one layer so."""
    if how == DIRECT:
        return Session(net, winograd=False, precision=FMA, schedule="batch")
    precision = BF16X3 if how == BF16X3 else "f32"
    choices = {"batch": {net.layers[-1].name: Choice(how)}}
    return Session(net, configuration=Configuration(schedule="batch", precision=precision, choices=choices))


def measure(net: Net, layer: Layer, x: Array) -> dict[str, Any]:
    """Return a layer's shapes, and the errors of all ways to compute it on the input `x`."""
    exact = exact_output(layer, x)
    found: dict[str, Any] = {"layer": layer.name, "bottom": x.shape[1:], "top": exact.shape[1:]}
    for how in WAYS:
        session = session_of(alone(net, layer), how)
        (result,) = session.run(None, {layer.bottoms[0]: x})
        found[how] = vars(Error.of(result, exact))
        session.close()
    return found


def error_table(layers: list[dict[str, Any]]) -> Table:
    """Return a table with a row a layer."""
    table = Table("layer", "bottom", "top", box=SIMPLE_HEAD)
    for how in WAYS:
        for column in (f"{how}: largest", "rms"):
            table.add_column(column, justify="right")
    for row in layers:
        table.add_row(row["layer"], shape(row["bottom"]), shape(row["top"]), *error_cells(row, WAYS))
    return table


def bench(args: argparse.Namespace, output: Output) -> int:
    """Measure all layers and print them."""
    if host_target().tiles is None:
        raise SettingError("this processor has no tile unit", where="XDN_TARGET", mend="Set it to amx-emulated")
    measured = Measured.of(args)
    net = measured.net
    rows = measured.rows(output, by_tiles(net), measure)
    usual = Session(net, winograd=False, precision=FMA)
    by_rule = {BF16X6: Session(net, winograd=False), BF16X3: Session(net, winograd=False, precision=BF16X3)}
    moved = {how: measured.moved(usual, session) for how, session in by_rule.items()}
    give(output, measured.document(args, layers=rows, whole=moved), error_table(rows), moved)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and measure."""
    parser = new_parser("parts_error.py", __doc__ or "")
    add_net_and_data(parser)
    return run_command(parser, bench, argv)


if __name__ == "__main__":
    sys.exit(program("parts_error.py", main))
