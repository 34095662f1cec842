"""Time against accuracy and memory, and which ways nothing else beats in both."""

from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, number, shortened, word
from xdn.report.page.charts.fronts import traded
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.tune.verdict import Verdict

#: Runs of which a front is drawn at least.
_LEAST_RUNS = 3
#: Of the reason for or against a precision.
_REASON_LETTERS = 400


@section("pareto", 60)
def pareto(results: Results, words: Words) -> Content:
    """The Pareto fronts of precisions that were measured, and of several runs."""
    blocks: list[Block] = []
    about = ""
    for _, run in results.runs:
        if run.precisions:
            about = words("pareto_about", taken=run.precisions.taken)
            blocks += _precisions(run.precisions, words)
    if drawn := [*_accuracies(results, words), *_memory(results, words)]:
        about = about or words("pareto_runs")
    return about, [*blocks, *drawn]


def _accuracies(results: Results, words: Words) -> list[Drawing]:
    """Return time against accuracy of several runs over as many images."""
    runs = [(name, run.contest) for name, run in results.runs if run.contest.accuracy]
    counts = {contest.images for _, contest in runs}
    if len(runs) < _LEAST_RUNS or len(counts) > 1:
        return []
    axes = words("seconds_images", images=f"{counts.pop():,}"), words("accuracy_percent")
    places = [(name, contest.contest_s, -contest.counted.percent) for name, contest in runs]
    return [traded(words("pareto"), axes, places, lambda s, percent: f"{s:.3f} s, {percent:.2f} %", sign=-1)]


def _memory(results: Results, words: Words) -> list[Drawing]:
    """Return time against memory of several runs over as many images: weights, and activations of all threads."""
    runs = [(name, run) for name, run in results.runs if run.cost and run.arena_bytes]
    counts = {run.contest.images for _, run in runs}
    places = [
        (name, run.contest.contest_s, (run.cost.weight_bytes + run.threads * run.arena_bytes) / (1 << 20))
        for name, run in runs
        if run.cost
    ]
    if len(runs) < _LEAST_RUNS or len(counts) > 1 or len({mib for _, _, mib in places}) < 2:
        return []
    axes = words("seconds_images", images=f"{counts.pop():,}"), words("memory_mib")
    return [traded(words("pareto_memory"), axes, places, lambda s, mib: f"{s:.3f} s, {mib:.1f} MiB")]


def _precisions(verdict: Verdict, words: Words) -> list[Block]:
    rows = [
        (
            word(each.name, "better" if each.name == verdict.taken else ""),
            number(each.ms, "{:.3f}".format),
            number(each.factor, "{:.2f}x".format),
            number(each.drop, "{:.2f}".format),
            Cell(shortened(each.why, _REASON_LETTERS)),
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
    axes = times, words("loss_points")
    return [traded(words("pareto"), axes, places, lambda ms, drop: f"{ms:.3f} ms, {drop:.2f}"), grid]
