"""Other engines beside the session, timed in turn."""

from collections.abc import Sequence

from xdn.evaluate.contest import ContestResult
from xdn.report.documents import RunDocument
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import difference, duration

#: An engine, how it ran, what it gave, and how far its outputs lie from the session's.
_Row = tuple[str, str, ContestResult, str]


@section("engines", 15)
def engines(results: Results, words: Words) -> Content:
    """Time, throughput, latency and accuracy of other engines on the same inputs."""
    blocks: list[Block] = []
    for name, run in results.runs:
        if run.compared:
            title = words.titled("engines", name if len(results.runs) > 1 else None)
            blocks += _blocks(title, _rows(run), words)
    return words("engines_about"), blocks


def _rows(run: RunDocument) -> list[_Row]:
    others = [
        (each.engine, f"f32, {each.batch}, {each.variant}", each.contest, difference(each.difference))
        for each in run.compared
    ]
    return [(run.engine, run.precision, run.contest, ""), *others]


def _blocks(title: str, rows: Sequence[_Row], words: Words) -> list[Block]:
    own = rows[0][2].contest_s
    ratios = [timed.contest_s / own for _, _, timed, _ in rows]
    drawn = [
        Bar(name, timed.contest_s, f"{duration(timed.contest_s)}   {ratio:.2f}x", "other" if at else "own")
        for at, ((name, _, timed, _), ratio) in enumerate(zip(rows, ratios, strict=True))
    ]
    grid = [
        (
            word(name),
            word(how),
            number(timed.contest_s, duration),
            number(ratio, "{:.2f}x".format),
            number(timed.images_per_s, "{:,.0f}".format),
            Cell(duration(1e-3 * timed.latency.p50_ms), timed.latency.p50_ms) if timed.latency else Cell("-"),
            number(timed.percent, "{:.2f} %".format),
            word(differs),
        )
        for (name, how, timed, differs), ratio in zip(rows, ratios, strict=True)
    ]
    columns = (
        Column(words("engine"), words=True),
        Column(words("run_as"), words=True, first_out=4),
        Column(words("contest_time")),
        Column(words("over_own")),
        Column(words("images_a_second"), first_out=2),
        Column("p50", first_out=1),
        Column(words("top1")),
        Column(words("outputs_differ"), first_out=3),
    )
    return [Drawing(title, bars(title, drawn)), Grid.of(title, columns, grid)]
