"""What precisions of a net were measured, and which is taken, as a table and JSON."""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from xdn.report.quantities import counted
from xdn.report.section import table
from xdn.tune.verdict import Verdict


def precision_table(verdict: Verdict) -> Table:
    """Return a table with a row a precision: its time, how much faster it is, what it loses, why it is taken or not."""
    rows = []
    for each in verdict.candidates:
        ms = "-" if each.ms is None else f"{each.ms:.3f}"
        factor = "-" if each.factor is None else f"{each.factor:.2f}x"
        drop = "-" if each.drop is None else f"{each.drop:.2f}"
        rows.append((each.name, each.why, ms, factor, drop))
    of = "correct labels" if verdict.labelled else f"labels equal to those of {verdict.candidates[0].name}"
    title = f"{verdict.taken}: the fastest that loses at most {verdict.max_drop:g} points of the {of}"
    on = f"drop on {counted(verdict.images, 'image')}"
    columns = ("precision", "", f"ms for {counted(verdict.batch, 'image')}", "faster", on)
    return table(columns, rows, title, words=2)


def precision_document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values."""
    return asdict(verdict)
