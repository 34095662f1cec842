"""A net's layers as a table, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.errors import listed
from xdn.graph import Bf16, Quantized, WeightsOnly
from xdn.graph.summary import LayerSummary, NetSummary
from xdn.report.quantities import count, counted, shape, size

#: What stands for a number that nothing tells.
_UNKNOWN = "?"


def net_table(summary: NetSummary) -> Table:
    """Return a table with a row a layer: type, shapes of the tops, parameters, MACs, bytes; and the totals.

    Where layers read 8-bit integers or bf16, a column says as what each reads its bottoms, and what 1 stands for; where
    weights are of codebooks, one says of which blocks.
    Layers of unknown types are marked, and counted below the types; a total that lacks what they hide says so.
    """
    table = Table(title=summary.name or None, box=SIMPLE_HEAD, show_footer=True, footer_style="bold")
    total = summary.total
    more = "" if all(layer.cost for layer in summary.layers) else f" + {_UNKNOWN}"
    table.add_column("layer", f"{len(summary.layers)} layers", overflow="fold")
    table.add_column("type", _lacking(summary), overflow="fold")
    table.add_column("shape", overflow="fold")
    table.add_column("parameters", count(total.parameters) + more, justify="right")
    table.add_column("MACs/image", count(total.macs) + more, justify="right")
    table.add_column("weights", size(total.weight_bytes) + more, justify="right")
    table.add_column("tops/image", size(total.top_bytes) + more, justify="right")
    reading = _reading(summary)
    if reading:
        table.add_column("reads", reading, overflow="fold")
    coded = sum(bool(layer.block) for layer in summary.layers)
    if coded:
        table.add_column("codebook", counted(coded, "layer"))
    for layer in summary.layers:
        blocks = f"blocks of {layer.block}" if layer.block else ""
        table.add_row(*_row(layer), *([_read(layer)] if reading else []), *([blocks] if coded else []))
    return table


def net_document(summary: NetSummary) -> dict[str, Any]:
    """Return the summary as JSON values; of what a layer reads, the number format and what 1 stands for."""
    document = asdict(summary)
    for row, layer in zip(document["layers"], summary.layers, strict=True):
        row["quantized"] = [{"element": how.element.name, **asdict(how)} for how in layer.quantized]
    return document


def joining_line(names: Sequence[str]) -> str | None:
    """Return a warning that names the layers that join images, None where there are none."""
    if not names:
        return None
    layers = f"the layer {names[0]!r} looks" if len(names) == 1 else f"{len(names)} layers look"
    named = "" if len(names) == 1 else f": {listed(names)}"
    return (
        f"{layers} at all images of a batch together, such as a BatchNorm with use_global_stats: false; results depend "
        f"on which images run together, and on how many{named}"
    )


def _lacking(summary: NetSummary) -> str:
    """Return in words which layers are of types that XDN lacks, empty where none is."""
    types = summary.unknown_types
    if not types:
        return ""
    layers, kinds = counted(sum(types.values()), "layer"), counted(len(types), "type")
    named = listed([f"{name} ({number})" for name, number in types.items()])
    return f"{layers} of {kinds} that XDN lacks: {named}"


def _reading(summary: NetSummary) -> str:
    """Return how many layers read other values than f32, empty where none does."""
    bf16 = sum(Bf16() in layer.quantized for layer in summary.layers)
    few = sum(any(isinstance(how, WeightsOnly) for how in layer.quantized) for layer in summary.layers)
    integers = sum(bool(layer.quantized) for layer in summary.layers) - bf16 - few
    named = ((integers, "8 bits"), (bf16, "bf16"), (few, "f32, weights of few bits"))
    return ", ".join(f"{number} in {what}" for number, what in named if number)


def _read(layer: LayerSummary) -> str:
    """Return as what a layer reads each bottom: integers and a scale, bf16, f32; empty where it hands on what it is."""
    if not layer.quantized:
        return "f32" if layer.bottoms and not layer.hands_on else ""
    return ", ".join(
        f"{how.name} {how.scale:.4g}" if isinstance(how, Quantized) else str(how) for how in layer.quantized
    )


def _row(layer: LayerSummary) -> tuple[str, ...]:
    kind = " + ".join((layer.type, *layer.epilogue))
    names = (
        layer.name,
        kind if layer.known else f"{kind} (unknown)",
        ", ".join(_UNKNOWN if extents is None else shape(extents) for extents in layer.shapes),
    )
    cost = layer.cost
    if cost is None:
        return (*names, *[_UNKNOWN] * 4)
    return (
        *names,
        count(cost.parameters) if cost.parameters else "",
        count(cost.macs) if cost.macs else "",
        size(cost.weight_bytes) if cost.weight_bytes else "",
        size(cost.top_bytes),
    )
