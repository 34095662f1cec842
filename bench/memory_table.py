"""Peaks of memory as a printed table."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from table import place

from xdn.report.quantities import size


def memory_table(document: Mapping[str, Any]) -> Group:
    """Return a table with a row a run, the ratios, and what it was taken with."""
    title = f"{document['net']}, {document['images']} images, {document['data']}, {document['threads']} threads"
    title = f"{title}, median of {document['rounds']} processes"
    table = Table("engine", "version", "run as", title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("batch", "before", "peak", "spread", "engine's own", "contest, s", "correct"):
        table.add_column(name, justify="right")
    for run in document["runs"]:
        table.add_row(
            run["engine"],
            run["version"],
            run["variant"],
            str(run["batch"]),
            size(run["before_bytes"]),
            size(run["peak_bytes"]),
            f"{run['peak_spread']:.0%}",
            size(run["own_bytes"]),
            f"{run['contest_s']:.3f}",
            str(run["correct"]),
        )
    lines = [
        f"peak of the {name} other run / xdn: {found['ratio']:.3f} ({found['engine']}, {found['variant']})"
        for name, found in document["ratio"].items()
    ]
    notes = [f"{name}: {why}" for name, why in document["missing"].items()]
    return Group(table, *lines, *notes, place(document["machine"]))
