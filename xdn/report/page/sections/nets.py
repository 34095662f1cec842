"""Nets in several engines and number formats: first who is ahead in each, then a table a net."""

from xdn.report.documents import EnginesDocument
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, shortened, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import difference, duration


@section("nets", 14)
def nets(results: Results, words: Words) -> Content:
    """Engines in all number formats, net by net."""
    blocks: list[Block] = []
    if any(each.best_others for _, each in results.engines):
        blocks.append(_overview([each for _, each in results.engines], words))
    for _, each in results.engines:
        blocks += _net(each, words)
    return words("nets_about"), blocks


def _overview(documents: list[EnginesDocument], words: Words) -> Grid:
    """Return a row for each net and number format: the fastest other engine, and how far XDN is ahead of it."""
    rows = [
        (
            word(each.net),
            word(each.mode),
            word(precision),
            word(best.engine),
            Cell(duration(each.seconds(best.engine)), each.seconds(best.engine)),
            Cell(f"{best.ratio:.2f}x", best.ratio, "better" if best.ratio > 1 else "worse"),
        )
        for each in documents
        for precision, best in each.best_others
        if best.engine in each.engines
    ]
    columns = (
        Column(words("net"), words=True), Column(words("timed"), words=True, first_out=2),
        Column(words("precision"), words=True), Column(words("best_other"), words=True),
        Column(words("time"), first_out=1), Column(words("over_own")),
    )  # fmt: skip
    return Grid.of(words("nets"), columns, rows, long=len(rows) > 20)


def _net(each: EnginesDocument, words: Words) -> list[Block]:
    """Return bars and table of one net; what took no part stands below, with the reason."""
    told = (each.mode, f"{each.images:,} x {shortened(each.data)}", words("threads_of", number=each.threads))
    title = words("titled", title=shortened(each.net), rest=words("comma").join(map(shortened, told)))
    images = 1 if each.mode == "latency" else each.images
    drawn, rows = [], []
    for name, figures in each.engines.items():
        seconds, ratio, percent = each.seconds(name), each.over_own(name), figures.top1_percent
        drawn.append(Bar(name, seconds, duration(seconds), "own" if name.startswith("xdn") else "other"))
        rows.append(
            (
                word(f"{name} {figures.version}"),
                word(f"{figures.precision}, {figures.batch}, {figures.variant}"),
                number(seconds, duration),
                number(ratio, "{:.2f}x".format),
                Cell(f"{images / seconds:,.0f}", images / seconds),
                number(percent, "{:.2f} %".format),
                number(figures.largest_difference, difference),
            )
        )
    absent = (number(None, str),) * 5
    rows += [(word(name), word(why), *absent) for name, why in each.missing.items()]
    columns = (
        Column(words("engine"), words=True), Column(words("run_as"), words=True, first_out=3),
        Column(words("time")), Column(words("over_own")), Column(words("images_a_second"), first_out=2),
        Column(words("top1")), Column(words("outputs_differ"), first_out=1),
    )  # fmt: skip
    blocks: list[Block] = [Drawing(title, bars(title, drawn))] if drawn else []
    return [*blocks, Grid.of(title, columns, rows)] if rows else blocks
