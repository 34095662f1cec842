"""What a search found: gains, the heat map, time against threads, and the best so far."""

from itertools import accumulate

from xdn.report.documents import SearchDocument, SearchTrial
from xdn.report.page.blocks import Block, Cell, Column, Drawing, Grid, word
from xdn.report.page.charts.bars import Bar, bars
from xdn.report.page.charts.fronts import front
from xdn.report.page.charts.heat import heat_map
from xdn.report.page.charts.lines import Line, Plot, Point, plotted
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import duration
from xdn.report.tuning import axis_value, best_of_cells, trial_places

#: Trials that are drawn, and rows and columns of a heat map.
_MOST_TRIALS, _MOST_CELLS = 1000, 24


@section("tuning", 50)
def tuning(results: Results, words: Words) -> Content:
    """Default and winner, the best times by threads and chunk, and by threads alone, and the way there."""
    found = [run.tuning for _, run in results.runs if run.tuning]
    blocks: list[Block] = []
    for each in found:
        drawn = *_map(each, words), *_threads(each, words), *best_so_far(each.trials, words)
        blocks += [_values(each, words), *drawn]
    return (about(found[-1], words) if found else ""), blocks


def about(search: SearchDocument, words: Words) -> str:
    """Return a line of what a search did."""
    return words(
        "tuning_about", trials=len(search.trials), strategy=search.strategy, seconds=duration(search.seconds),
        factor=f"{search.factor:.2f}",
    )  # fmt: skip


def _values(search: SearchDocument, words: Words) -> Grid:
    rows = [
        (
            word(name),
            word(axis_value(search.default[name]) if name in search.default else "-"),
            word(axis_value(value)),
            Cell(f"{search.gains[name]:.3f}x" if name in search.gains else "", search.gains.get(name)),
        )
        for name, value in (search.values or search.default).items()
    ]
    titles = [Column(words("axis"), words=True), *(Column(words(name)) for name in ("default", "tuned", "gain"))]
    return Grid.of(words("tuning"), titles, rows)


def _map(search: SearchDocument, words: Words) -> list[Drawing]:
    measured = ((trial.values, trial.score) for trial in search.trials if trial.score is not None)
    cells = best_of_cells((row, str(chunk), score) for row, chunk, score in trial_places(measured))
    rows = sorted({row for row, _ in cells})
    columns = sorted({column for _, column in cells}, key=lambda chunk: (len(chunk), chunk))
    if not cells or max(len(rows), len(columns)) > _MOST_CELLS:
        return []
    title = words("heat_map")
    return [Drawing(title, heat_map(title, cells, rows, columns, words("chunk")))]


def _threads(search: SearchDocument, words: Words) -> list[Drawing]:
    """Return the best time of each number of threads, where several were tried; pale where fewer are as fast."""
    found = [(trial.values.get("threads"), trial.score) for trial in search.trials if trial.score is not None]
    best = best_of_cells(("", threads, score) for threads, score in found if isinstance(threads, int))
    if len(best) < 2:
        return []
    places = [(words("threads_of", number=threads), threads, score) for (_, threads), score in sorted(best.items())]
    kept, title = front(places), words("time_threads")
    rows = [Bar(place[0], place[2], f"{place[2]:.3f}", "own" if place in kept else "other") for place in places]
    return [Drawing(title, bars(title, rows))]


def best_so_far(trials: tuple[SearchTrial, ...], words: Words) -> list[Drawing]:
    """Return all trials as points, and the best so far as a line."""
    good = [(number, trial.score) for number, trial in enumerate(trials[:_MOST_TRIALS], 1) if trial.score is not None]
    if not good:
        return []
    best = list(accumulate((score for _, score in good), min))
    # A step stays as high as it is until the next one.
    steps = [
        point
        for (number, _), cost, until in zip(good, best, (*(number for number, _ in good[1:]), good[-1][0]), strict=True)
        for point in ((number, cost), (until, cost))
    ]
    title, most = words("best_so_far"), min(3.0, max(score for _, score in good))
    plot = Plot(
        title, words("trial"), words("relative_time"),
        [Line(words("default"), ((1, 1.0), (good[-1][0], 1.0)), "c4"), Line(words("best"), steps, "c1")],
        [Point(number, score, f"{number}: {score:.3f}", 3.0, "faint") for number, score in good if score <= most],
        extent_x=(0.0, good[-1][0] + 1.0), extent_y=(0.95 * min(*best, 1.0), 1.05 * max(most, 1.0)),
    )  # fmt: skip
    return [Drawing(title, plotted(plot))]
