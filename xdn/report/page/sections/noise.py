"""How sure the times are."""

from collections.abc import Iterator

from xdn.evaluate.contest import ContestResult
from xdn.report.page.blocks import Cell, Column, Grid, number, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import duration


@section("noise", 120)
def noise(results: Results, words: Words) -> Content:
    """The fastest, the median and the slowest repetition of each run, and percentiles of single requests."""
    timed = list(_timed(results))
    if not timed:
        return "", []
    rows = [
        (
            word(name),
            Cell(str(len(each.runs_s)), len(each.runs_s)),
            *(number(s, duration) for s in (min(each.runs_s), each.contest_s, max(each.runs_s))),
            number(each.spread, "{:.1%}".format),
            *_latency(each),
        )
        for name, each in timed
    ]
    names = ("repetitions", "least", "median", "most", "spread")
    columns = [
        Column(words("run"), words=True),
        *(Column(words(name), first_out=2 if name == "repetitions" else 0) for name in names),
        *(Column(title, first_out=3) for title in ("p50", "p90", "p99")),
        Column(words("requests"), first_out=4),
    ]
    return words("noise_about"), [Grid.of(words("noise"), columns, rows)]


def _timed(results: Results) -> Iterator[tuple[str, ContestResult]]:
    yield from ((name, run.contest) for name, run in results.runs)
    for _, contest in results.contests:
        yield from ((bar.title if bar.title == bar.key else f"{bar.title} ({bar.key})", bar.result.contest)
                    for bar in contest.bars)  # fmt: skip


def _latency(timed: ContestResult) -> tuple[Cell, ...]:
    latency = timed.latency
    if latency is None:
        return (Cell("-"),) * 4
    times = (latency.p50_ms, latency.p90_ms, latency.p99_ms)
    return (*(Cell(duration(1e-3 * ms), ms) for ms in times), number(latency.requests, str))
