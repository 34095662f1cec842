"""A session beside other engines, as people read it, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from xdn.evaluate.compared import Compared
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.evaluation import Evaluation
from xdn.report.quantities import counted, difference
from xdn.report.section import table


def compared_table(own: Evaluation, others: Sequence[Compared]) -> Table:
    """Return a row an engine: its time, that over the session's, images a second, latency, and what it gave."""
    contest = own.contest
    calls = "all in one call" if own.batch is None else f"batch {own.batch}"
    rows = [_row(own.engine, contest, contest, "", f"{own.precision}, {calls}")]
    for each in others:
        how = f"f32, batch {each.batch}, {each.variant}"
        rows.append(_row(each.engine, contest, each.contest, difference(each.difference), how))
    percentiles = (f"p{each.percent:g}, ms" for each in (contest.latency.percentiles if contest.latency else ()))
    right = ["right"] if contest.accuracy else []
    title = f"{counted(own.threads, 'thread')} each, in turn; latency of single images"
    return table(
        ("engine", "run as", "ms", "/ XDN", "images/s", *percentiles, *right, "differs by"), rows, title, words=2
    )


def _row(engine: str, own: ContestResult, contest: ContestResult, differs: str, how: str) -> tuple[str, ...]:
    times = f"{1e3 * contest.contest_s:.1f}", f"{contest.contest_s / own.contest_s:.2f}x", f"{contest.images_per_s:.0f}"
    latency = [f"{each.ms:.3f}" for each in contest.latency.percentiles] if contest.latency else []
    right = [str(contest.accuracy.correct)] if contest.accuracy else []
    return engine, how, *times, *latency, *right, differs


def compared_document(own: Evaluation, others: Sequence[Compared]) -> dict[str, Any]:
    """Return the other engines as JSON values, each with its time over the session's; nothing where there are none."""
    rows = [asdict(each) | {"ratio": each.contest.contest_s / own.contest.contest_s} for each in others]
    return {"compared": rows} if rows else {}
