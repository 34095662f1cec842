"""Several runs side by side, and what differs."""

from collections.abc import Callable, Sequence

from xdn.report.documents import RunDocument
from xdn.report.page.blocks import Cell, Column, Drawing, Grid, Mark, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import count, duration, size
from xdn.runtime.profile import LayerProfile

#: Relative differences of layers' times that are not marked: a layer is measured once.
_LAYER_NOISE = 0.1
_Of = Callable[[RunDocument], float | None]


@section("comparison", 20)
def comparison(results: Results, words: Words) -> Content:
    """Figures of several runs in columns, and the layers of two profiles, with differences marked."""
    runs = results.runs
    if len(runs) < 2:
        return "", []
    blocks: list[Grid | Drawing] = [_figures(runs, words)]
    first, last = runs[0][1].profile, runs[-1][1].profile
    if first and last:
        blocks.append(_layers(first.layers, last.layers, (runs[0][0], runs[-1][0]), words))
    return words("comparison_about"), blocks


def _figures(runs: Sequence[tuple[str, RunDocument]], words: Words) -> Grid:
    noise = max(run.contest.spread for _, run in (runs[0], runs[-1]))
    rows = [
        _texts(words("engine"), [run.engine for _, run in runs]),
        _texts(words("precision"), [run.precision for _, run in runs]),
        _texts(words("threads"), [str(run.threads) for _, run in runs]),
        _texts(words("data"), [run.data for _, run in runs]),
    ]
    for title, of, say, more_is_better, tolerance in _measures(words, noise):
        values = [of(run) for _, run in runs]
        if any(value is not None for value in values):
            cells = [Cell("-" if value is None else say(value), value) for value in values]
            rows.append((word(title), *cells, _changed(values[0], values[-1], more_is_better, tolerance, words)))
    columns = Column(words("figure"), words=True), *(Column(name) for name, _ in runs), Column(words("difference"))
    return Grid.of(words("comparison"), columns, rows)


def _measures(words: Words, noise: float) -> list[tuple[str, _Of, Callable[[float], str], bool | None, float]]:
    """Return title, value, how it is said, whether more is better, and what is noise, of each figure."""
    found: list[tuple[str, _Of, Callable[[float], str], bool | None, float]] = [
        (words("top1"), lambda run: run.contest.percent, _percent, True, 0.0),
        (
            words("top5_row"),
            lambda run: run.contest.top5_percent,
            _percent,
            True,
            0.0,
        ),
        (words("contest_time"), lambda run: run.contest.contest_s, duration, False, noise),
        (words("images_a_second"), lambda run: run.contest.images_per_s, lambda value: f"{value:,.0f}", True, noise),
    ]
    for name in ("p50_ms", "p90_ms", "p99_ms"):
        title = words("latency_of", percentile=name.removesuffix("_ms"), batch=1)
        found.append((title, _latency(name), lambda value: duration(1e-3 * value), False, noise))
    return [
        *found,
        (words("macs_executed"), lambda run: run.macs or None, count, False, 0.0),
        (words("weights"), lambda run: run.cost.weight_bytes if run.cost else None, size, False, 0.0),
        (words("layers_run"), lambda run: run.layers or None, count, None, 0.0),
        (words("activations"), lambda run: run.arena_bytes or None, size, False, 0.0),
        (words("load"), lambda run: run.load_s, duration, None, 0.0),
        (words("compile"), lambda run: run.compile_s, duration, None, 0.0),
    ]


def _percent(value: float) -> str:
    return f"{value:.2f} %"


def _latency(name: str) -> _Of:
    """Return what gives a percentile of single requests of one image."""

    def of(run: RunDocument) -> float | None:
        """Return it, None where it was not measured."""
        latency = run.contest.latency
        return getattr(latency, name) if latency and latency.batch == 1 else None

    return of


def _texts(title: str, values: Sequence[str]) -> tuple[Cell, ...]:
    same = len(set(values)) == 1
    return (word(title), *map(word, values), Cell("" if same else "≠"))


def _changed(
    before: float | None, after: float | None, more_is_better: bool | None, noise: float, words: Words
) -> Cell:
    """Return the relative change, marked where it is more than the noise."""
    if not before or after is None:
        return Cell("")
    change = after / before - 1
    if change == 0:
        return Cell("=", 0.0)
    if more_is_better is not None and abs(change) <= noise:
        return Cell(f"{change:+.1%} ({words('within_noise')})", change)
    mark: Mark = "" if more_is_better is None else "better" if (change > 0) == more_is_better else "worse"
    return Cell(f"{change:+.1%}", change, mark)


def _layers(
    before: Sequence[LayerProfile], after: Sequence[LayerProfile], names: tuple[str, str], words: Words
) -> Grid:
    first, last = ({layer.name: layer for layer in layers} for layers in (before, after))
    rows = []
    for name in dict.fromkeys((*first, *last)):
        times = [found[name].ms if name in found else None for found in (first, last)]
        kind = (last.get(name) or first[name]).type
        cells = [Cell("-" if ms is None else f"{ms:.3f}", ms) for ms in times]
        rows.append((word(name), word(kind), *cells, _changed(times[0], times[1], False, _LAYER_NOISE, words)))
    columns = (
        Column(words("layer"), words=True),
        Column(words("type"), words=True, first_out=1),
        *(Column(f"{name}, {words('ms')}") for name in names),
        Column(words("difference")),
    )
    return Grid.of(words("layers_compared"), columns, rows, long=True)
