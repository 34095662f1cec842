"""Tables of what the optimizer did."""

from rich.table import Table

from xdn.optimize.execution import Execution
from xdn.optimize.pipeline import Result, StageReport
from xdn.report.quantities import count, counted, difference
from xdn.report.section import table


def stage_table(result: Result) -> Table:
    """Return a table with a row a stage: changes, refusals, cost after it, difference to the net before it."""
    rows = [("(as read)", "", "", count(result.cost.macs), count(result.cost.parameters), "")]
    for report in result.reports:
        number = str(len(report.changes)), str(len(report.refusals))
        cost = count(report.cost.macs), count(report.cost.parameters)
        rows.append((report.stage, *number, *cost, difference(report.difference)))
    return table(("stage", "changes", "refused", "MACs/image", "parameters", "difference"), rows, words=1)


def conclusion(result: Result) -> str:
    """Return one line: layers before and after, and how far the outputs moved."""
    changes = sum(len(report.changes) for report in result.reports)
    places = f"{counted(changes, 'change')}, {len(result.net.layers)} layers are left"
    if result.difference is None:
        return f"{places}; the net has no weights, so its outputs were not compared"
    return f"{places}; the outputs moved by {difference(result.difference)} of their largest value"


def execution_line(execution: Execution) -> str:
    """Return one line: how far sessions are from the references, or why none ran."""
    if execution.skipped:
        return f"not run by sessions: {execution.skipped}"
    ways = ", ".join(f"{difference(most)} in the {way} schedule" for way, most in execution.differences.items())
    return f"run by sessions: they differ from the references by {ways}"


def explanation(reports: tuple[StageReport, ...]) -> list[str]:
    """Return every change and every refusal with its reason, one a line."""
    lines: list[str] = []
    for report in reports:
        notes = [f"  + {note}" for note in report.changes] + [f"  - {note}" for note in report.refusals]
        lines += [f"{report.stage}:", *(notes or ["  nothing to do"])]
    return lines
