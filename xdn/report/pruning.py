"""What pruning took out, as a table, a line and JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from xdn.report.quantities import count
from xdn.report.section import table

if TYPE_CHECKING:
    from xdn.optimize.prune.locks import Locked
    from xdn.optimize.prune.pruner import Pruned, Thinned

#: Layers of a group that are named; of more the number is said.
NAMED = 3


def prune_table(pruned: "Pruned") -> Table:
    """Return a table with a row a group: its layers, filters of the first before and after, the criterion."""
    rows = []
    for group in pruned.groups:
        share = f"{100 * group.after / group.before:.0f} %"
        rows.append((group_layers(group), str(group.filters_before), str(group.filters_after), share, group.criterion))
    return table(("filters of", "before", "after", "left", "criterion"), rows, words=1)


def group_layers(group: "Thinned") -> str:
    """Return the layers of a group, of many the first ones."""
    more = [f"and {len(group.layers) - NAMED} more"] if len(group.layers) > NAMED else []
    return ", ".join([*group.layers[:NAMED], *more])


def locked_table(locked: Sequence["Locked"]) -> Table:
    """Return a table with a row a layer of which filters could not go: how many, and what keeps them."""
    rows = [(f"{each.layer} ({each.type})", f"{each.filters} of {each.of}", each.reason) for each in locked]
    return table(("locked", "filters", "kept since"), rows)


def prune_conclusion(pruned: "Pruned") -> str:
    """Return one line: multiplications and parameters before and after."""
    before, after = pruned.before, pruned.after
    nothing = "; the net met the budget as it was" if before == after else ""
    macs, parameters = after.macs / before.macs, after.parameters / before.parameters
    return (
        f"pruned ({pruned.config.criterion}, {pruned.config.schedule}, {pruned.config.budget}): "
        f"{count(before.macs)} -> {count(after.macs)} MACs an image ({macs:.1%}), "
        f"{count(before.parameters)} -> {count(after.parameters)} parameters ({parameters:.1%}){nothing}"
    )


def prune_document(pruned: "Pruned") -> dict[str, Any]:
    """Return everything but the net as JSON values."""
    config = asdict(pruned.config) | {"budget": str(pruned.config.budget)}
    return {
        "config": config,
        "before": asdict(pruned.before),
        "after": asdict(pruned.after),
        "groups": [asdict(group) for group in pruned.groups],
        "locked": locked_document(pruned.locked),
    }


def locked_document(locked: Sequence["Locked"]) -> list[dict[str, Any]]:
    """Return the locked layers as JSON values."""
    return [asdict(each) for each in locked]
