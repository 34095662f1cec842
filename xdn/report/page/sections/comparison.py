"""Several runs side by side, and what differs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdn.report.documents import RunDocument
from xdn.report.page.blocks import Block, Cell, Column, Grid, Mark, number, word
from xdn.report.page.results import Results
from xdn.report.page.section import Content, section
from xdn.report.page.words import Words
from xdn.report.quantities import count, duration, size
from xdn.runtime.profile import LayerProfile

#: Relative differences of layers' times that are not marked: a layer is measured once.
_LAYER_NOISE = 0.1


@section("comparison", 20)
def comparison(results: Results, words: Words) -> Content:
    """Figures of several runs in columns, and the layers of two profiles, with differences marked."""
    runs = results.runs
    if len(runs) < 2:
        return "", []
    blocks: list[Block] = [_figures(runs, words)]
    first, last = runs[0][1].profile, runs[-1][1].profile
    if first and last:
        blocks.append(_layers(first.layers, last.layers, (runs[0][0], runs[-1][0]), words))
    return words("comparison_about"), blocks


@dataclass(frozen=True)
class _Change:
    """How a change is told.

    Parameters
    ----------
    more_is_better : bool or None
        None: neither is.
    noise : float
        Relative changes that say nothing.
    points : bool
        As a difference, not relative.
    """

    more_is_better: bool | None = None
    noise: float = 0.0
    points: bool = False

    def cell(self, before: float | None, after: float | None, words: Words) -> Cell:
        """Return the change, marked where it is more than the noise; empty where one of both is not known."""
        if not before or after is None:
            return Cell("")
        change = after - before if self.points else after / before - 1
        if change == 0:
            return Cell("=", 0.0)
        said = f"{change:+.2f}" if self.points else f"{change:+.1%}"
        if self.more_is_better is not None and abs(change) <= self.noise:
            return Cell(f"{said} ({words('within_noise')})", change)
        better = change > 0 if self.more_is_better else change < 0
        mark: Mark = "" if self.more_is_better is None else "better" if better else "worse"
        return Cell(said, change, mark)


@dataclass(frozen=True)
class _Measure:
    """A figure of runs: its title, its value of a run, as people read it, and how its change is told."""

    title: str
    of: Callable[[RunDocument], float | None]
    say: Callable[[float], str]
    change: _Change


def _figures(runs: Sequence[tuple[str, RunDocument]], words: Words) -> Grid:
    noise = max(run.contest.spread for _, run in (runs[0], runs[-1]))
    rows = [
        _texts(words("engine"), [run.engine for _, run in runs]),
        _texts(words("precision"), [run.precision for _, run in runs]),
        _texts(words("threads"), [str(run.threads) for _, run in runs]),
        _texts(words("data"), [run.data for _, run in runs]),
    ]
    for measure in _measures(words, noise):
        values = [measure.of(run) for _, run in runs]
        if any(value is not None for value in values):
            cells = [number(value, measure.say) for value in values]
            rows.append((word(measure.title), *cells, measure.change.cell(values[0], values[-1], words)))
    columns = Column(words("figure"), words=True), *(Column(name) for name, _ in runs), Column(words("difference"))
    return Grid.of(words("comparison"), columns, rows)


def _measures(words: Words, noise: float) -> list[_Measure]:
    """Return the figures that are compared."""
    more, less, neither, points = _Change(True, noise), _Change(False, noise), _Change(), _Change(True, points=True)
    exactly_less = _Change(False)
    found = [
        _Measure(words("top1"), lambda run: run.contest.percent, _percent, points),
        _Measure(words("top5_row"), lambda run: run.contest.top5_percent, _percent, points),
        _Measure(words("contest_time"), lambda run: run.contest.contest_s, duration, less),
        _Measure(words("images_a_second"), lambda run: run.contest.images_per_s, lambda rate: f"{rate:,.0f}", more),
    ]
    for name in ("p50_ms", "p90_ms", "p99_ms"):
        title = words("latency_of", percentile=name.removesuffix("_ms"), batch=1)
        found.append(_Measure(title, _latency(name), lambda ms: duration(1e-3 * ms), less))
    return [
        *found,
        _Measure(words("macs_executed"), lambda run: run.macs or None, count, neither),
        _Measure(words("weights"), lambda run: run.cost.weight_bytes if run.cost else None, size, exactly_less),
        _Measure(words("layers_run"), lambda run: run.layers or None, count, neither),
        _Measure(words("activations"), lambda run: run.arena_bytes or None, size, exactly_less),
        _Measure(words("load"), lambda run: run.load_s, duration, neither),
        _Measure(words("compile"), lambda run: run.compile_s, duration, neither),
    ]


def _percent(value: float) -> str:
    return f"{value:.2f} %"


def _latency(name: str) -> Callable[[RunDocument], float | None]:
    """Return what gives a percentile of single requests of one image."""

    def of(run: RunDocument) -> float | None:
        """Return it, None where it was not measured."""
        latency = run.contest.latency
        return getattr(latency, name) if latency and latency.batch == 1 else None

    return of


def _texts(title: str, values: Sequence[str]) -> tuple[Cell, ...]:
    same = len(set(values)) == 1
    return (word(title), *map(word, values), Cell("" if same else "≠"))


def _layers(
    before: Sequence[LayerProfile], after: Sequence[LayerProfile], names: tuple[str, str], words: Words
) -> Grid:
    first, last = ({layer.name: layer for layer in layers} for layers in (before, after))
    change = _Change(False, _LAYER_NOISE)
    rows = []
    for name in dict.fromkeys((*first, *last)):
        times = [found[name].ms if name in found else None for found in (first, last)]
        kind = (last.get(name) or first[name]).type
        cells = [number(ms, "{:.3f}".format) for ms in times]
        rows.append((word(name), word(kind), *cells, change.cell(times[0], times[1], words)))
    columns = (
        Column(words("layer"), words=True),
        Column(words("type"), words=True, first_out=1),
        *(Column(f"{name}, {words('ms')}") for name in names),
        Column(words("difference")),
    )
    return Grid.of(words("layers_compared"), columns, rows, long=True)
