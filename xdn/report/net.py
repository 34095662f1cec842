"""Tables of a net's layers."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.graph.summary import LayerSummary, NetSummary
from xdn.report.quantities import count, shape, size


def net_table(summary: NetSummary) -> Table:
    """Return a table with a row a layer: type, shapes of the tops, parameters, MACs, bytes; and the totals."""
    table = Table(title=summary.name or None, box=SIMPLE_HEAD, show_footer=True, footer_style="bold")
    total = summary.total
    table.add_column("layer", f"{len(summary.layers)} layers", overflow="fold")
    table.add_column("type", overflow="fold")
    table.add_column("shape", overflow="fold")
    table.add_column("parameters", count(total.parameters), justify="right")
    table.add_column("MACs/image", count(total.macs), justify="right")
    table.add_column("weights", size(total.weight_bytes), justify="right")
    table.add_column("tops/image", size(total.top_bytes), justify="right")
    for layer in summary.layers:
        table.add_row(*_row(layer))
    return table


def _row(layer: LayerSummary) -> tuple[str, ...]:
    cost = layer.cost
    return (
        layer.name,
        " + ".join((layer.type, *layer.epilogue)),
        ", ".join(map(shape, layer.shapes)),
        count(cost.parameters) if cost.parameters else "",
        count(cost.macs) if cost.macs else "",
        size(cost.weight_bytes) if cost.weight_bytes else "",
        size(cost.top_bytes),
    )
