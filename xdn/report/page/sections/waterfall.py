"""The waterfall: the time of each configuration, step by step."""

from collections.abc import Sequence

from xdn.evaluate.bars import Bar as Timed
from xdn.report.contest import OUTSIDE, step_title
from xdn.report.contest import waterfall as steps_of
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import duration

#: A configuration, and what it is called.
Step = tuple[str, Timed]
#: Columns after the name, and which are left out first where there is little room.
_COLUMNS = (("contest_time", 0), ("spread", 1), ("factor", 0), ("total_factor", 3), ("threads", 2), ("top1", 0))


@section("waterfall", 10)
def waterfall(results: Results, words: Words) -> Content:
    """Time of each configuration of a contest, or of each of several runs."""
    blocks: list[Block] = []
    for _, contest in results.contests:
        outside = [(bar.title, bar) for bar in contest.bars if bar.key in OUTSIDE]
        blocks += _blocks(outside, [(step_title(bar), bar) for bar in steps_of(contest) or contest.bars], words)
    if len(results.runs) > 1:
        runs = [(name, Timed(name, name, run, run.contest.images, 0, 0)) for name, run in results.runs]
        blocks += _blocks([], runs, words)
    return words("waterfall_about"), blocks


def _blocks(outside: Sequence[Step], steps: Sequence[Step], words: Words) -> list[Block]:
    """Return the bars and their numbers; other engines come first, and are no steps."""
    drawn = [Bar(name, bar.seconds, duration(bar.seconds), "other", limit=_limit_s(bar)) for name, bar in outside]
    rows = [_row(name, bar, None, None) for name, bar in outside]
    for at, (name, bar) in enumerate(steps):
        factors = [before.seconds / bar.seconds for _, before in (steps[at - 1], steps[0])] if at else [None, None]
        said = duration(bar.seconds) + (f"   {factors[0]:.2f}x" if factors[0] else "")
        drawn.append(Bar(name, bar.seconds, said, limit=_limit_s(bar)))
        rows.append(_row(name, bar, *factors))
    columns = Column(words("step"), words=True), *(Column(words(name), first_out=out) for name, out in _COLUMNS)
    title = words("waterfall")
    return [Drawing(title, bars(title, drawn, words("at_the_peak"))), Grid.of(title, columns, rows)]


def _row(name: str, bar: Timed, factor: float | None, total: float | None) -> tuple[Cell, ...]:
    percent = bar.result.contest.percent
    return (
        word(name),
        number(bar.seconds, duration),
        number(bar.spread, "{:.1%}".format),
        number(factor, "{:.2f}x".format, ""),
        number(total, "{:.2f}x".format, ""),
        number(bar.result.threads, str),
        number(percent, "{:.2f} %".format),
    )


def _limit_s(bar: Timed) -> float | None:
    """Return what the multiplications take at the peak of their number format, where a profile or the bar tells it."""
    profile = bar.result.profile
    if profile is None:
        return bar.limit_s
    limit_ms = sum(layer.ms * layer.peak_percent / 100 for layer in profile.layers)
    return 1e-3 * limit_ms / profile.images * bar.images
