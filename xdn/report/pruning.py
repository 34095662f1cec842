"""What pruning took out, as a table, a line and JSON."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.report.quantities import count

if TYPE_CHECKING:
    from xdn.optimize.prune import Pruned

#: Layers of a group that are named; of more the number is said.
NAMED = 3


def prune_table(pruned: "Pruned") -> Table:
    """Return a table with a row a group: its layers, filters before and after, the criterion."""
    table = Table("filters of", box=SIMPLE_HEAD)
    for column in ("before", "after", "left"):
        table.add_column(column, justify="right")
    table.add_column("criterion")
    for group in pruned.groups:
        layers = list(group.layers[:NAMED])
        more = [f"and {len(group.layers) - NAMED} more"] if len(group.layers) > NAMED else []
        share = f"{100 * group.after / group.before:.0f} %"
        table.add_row(", ".join(layers + more), str(group.before), str(group.after), share, group.criterion)
    return table


def prune_conclusion(pruned: "Pruned") -> str:
    """Return one line: multiplications and parameters before and after."""
    before, after = pruned.before, pruned.after
    macs, parameters = after.macs / before.macs, after.parameters / before.parameters
    return (
        f"pruned ({pruned.config.criterion}, {pruned.config.schedule}, {pruned.config.budget}): "
        f"{count(before.macs)} -> {count(after.macs)} MACs an image ({macs:.1%}), "
        f"{count(before.parameters)} -> {count(after.parameters)} parameters ({parameters:.1%})"
    )


def prune_document(pruned: "Pruned") -> dict[str, Any]:
    """Return everything but the net as JSON values."""
    config = asdict(pruned.config) | {"budget": str(pruned.config.budget)}
    return {
        "config": config,
        "before": asdict(pruned.before),
        "after": asdict(pruned.after),
        "groups": [asdict(group) for group in pruned.groups],
    }
