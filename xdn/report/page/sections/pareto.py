"""Time against accuracy, and which ways nothing else beats in both."""

from collections.abc import Sequence

from xdn.report.page.blocks import Block, Column, Drawing, Grid, number, word
from xdn.report.page.charts.lines import Line, Plot, Point, plotted
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.tune.verdict import Verdict

Place = tuple[str, float, float]


def front(places: Sequence[Place]) -> list[Place]:
    """Return the places (name, cost, cost) that no other beats: as good in both costs, and better in one."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda each: each[1:]):
        if not kept or place[2] < kept[-1][2]:
            kept.append(place)
    return kept


@section("pareto", 60)
def pareto(results: Results, words: Words) -> Content:
    """The Pareto front of precisions that were measured, or of several runs."""
    blocks: list[Block] = []
    about = ""
    for _, run in results.runs:
        if run.precisions:
            about = words("pareto_about", taken=run.precisions.taken)
            blocks += _precisions(run.precisions, words)
    runs = [(name, run.contest) for name, run in results.runs if run.contest.accuracy]
    if len(runs) > 2 and len({contest.images for _, contest in runs}) == 1:
        images, about = runs[0][1].images, about or words("pareto_runs")
        places = [(name, contest.contest_s, -contest.counted.percent) for name, contest in runs]
        title = words("pareto")
        shown = [(name, seconds, -percent) for name, seconds, percent in front(places)]
        points = [Point(s, -p, f"{name}: {s:.3f} s, {-p:.2f} %", 6.0, "own", name) for name, s, p in places]
        line = Line("", [each[1:] for each in shown], "c1")
        axes = words("seconds_images", images=f"{images:,}"), words("accuracy_percent")
        blocks.append(Drawing(title, plotted(Plot(title, *axes, [line], points))))
    return about, blocks


def _precisions(verdict: Verdict, words: Words) -> list[Block]:
    rows = [
        (
            word(each.name, "better" if each.name == verdict.taken else ""),
            number(each.ms, "{:.3f}".format),
            number(each.factor, "{:.2f}x".format),
            number(each.drop, "{:.2f}".format),
            word(each.why),
        )
        for each in verdict.candidates
    ]
    times = words("ms_images", images=verdict.batch)
    columns = (
        Column(words("candidate"), words=True), Column(times), Column(words("faster")), Column(words("loss_points")),
        Column(words("why"), words=True, first_out=1),
    )  # fmt: skip
    grid = Grid.of(words("pareto"), columns, rows)
    # The first candidate loses nothing: the others are compared with it.
    places = [(each.name, each.ms, each.drop or 0.0) for each in verdict.candidates if each.ms is not None]
    if len(places) < 2:
        return [grid]
    points = [Point(ms, drop, f"{name}: {ms:.3f} ms, {drop:.2f}", 6.0, "own", name) for name, ms, drop in places]
    line = Line("", [(ms, drop) for _, ms, drop in front(places)], "c1")
    return [Drawing(words("pareto"), plotted(Plot(words("pareto"), times, words("loss_points"), [line], points))), grid]
