"""Spaces, searches and stored results, as people read them, and as a drawing."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from xdn.report.figure import figure, finish
from xdn.report.section import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xdn.tune.space import Space
    from xdn.tune.store import Result
    from xdn.tune.trial import Trial
    from xdn.tune.tuner import Outcome

#: Of the drawing, in inches.
_SIZE = (9.0, 3.8)
#: Of numbers on light cells and on dark ones.
_INK = ("black", "white")
#: Characters of a key that are shown.
KEY_LETTERS = 12


def space_table(space: "Space") -> Table:
    """Return a table with a row an axis; its title says how many combinations are legal."""
    rows = [(axis.name, ", ".join(map(axis_value, axis.values)), axis.about) for axis in space.axes]
    return table(("axis", "values", "what it is"), rows, f"{space.size} of {space.combinations} combinations are legal")


def operators_table(operators: Mapping[str, tuple[tuple[str, ...], "Space"]]) -> Table:
    """Return a table with a row an operator: its layers, and how many ways there are to compute them."""
    rows = [(name, str(len(layers)), str(space.size)) for name, (layers, space) in operators.items()]
    choices = sum(space.size for _, space in operators.values())
    return table(("operator", "layers", "choices"), rows, f"{choices} choices for {len(operators)} operators")


def outcome_table(outcome: "Outcome", default: Mapping[str, Any], unit: str) -> Table:
    """Return a table of the default and the winner: their costs in one turn, and in all; what each axis brings."""
    before, after = outcome.paired
    costs = f"{before:.3f} {_spread(outcome.default_costs)}", f"{after:.3f} {_spread(outcome.costs)}"
    rows = [(unit, *costs, f"{outcome.factor:.3f}x")]
    for name, value in (outcome.values or default).items():
        gain = f"{outcome.gains[name]:.3f}x" if name in outcome.gains else ""
        rows.append((name, axis_value(default[name]), axis_value(value), gain))
    return table(("", "default", "tuned", "it brings"), rows)


def _spread(costs: Sequence[float]) -> str:
    return f"({min(costs):.3f} .. {max(costs):.3f})" if len(costs) > 1 else ""


def axis_value(value: Any) -> str:
    """Return the value of an axis as people read it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def trials_line(trials: Sequence["Trial"], seconds: float) -> str:
    """Return one line of what a search did."""
    failed = [trial for trial in trials if trial.score == inf]
    why = f", {len(failed)} of them failed: {failed[0].error}" if failed else ""
    points = len({tuple(trial.values.values()) for trial in trials})
    return f"{len(trials)} trials of {points} configurations in {seconds:.1f} s{why}"


def results_table(results: Mapping[str, "Result"], valid: Mapping[str, Any]) -> Table:
    """Return a table with a row a stored result.

    Parameters
    ----------
    results : mapping
        Digest of the key -> result.
    valid : mapping
        Facts that a result must have to be used on this machine by this version.
    """
    rows = []
    for digest, result in results.items():
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(result.created))
        stale = [name for name, value in valid.items() if result.facts.get(name) != value]
        note = f"not used here: other {', '.join(stale)}" if stale else _described(result)
        facts = [str(result.facts.get(name, "")) for name in ("image", "objective")]
        rows.append((digest[:KEY_LETTERS], *facts, f"{result.factor:.3f}x", f"{result.cost:.3f}", made, note))
    return table(("key", "image", "objective", "factor", "cost", "made", "configuration"), rows)


def _described(result: "Result") -> str:
    document = {name: value for name, value in result.configuration.document().items() if name != "choices"}
    text = ", ".join(f"{name} {axis_value(value)}" for name, value in document.items())
    return text if result.call_images is None else f"{text}, calls of {result.call_images}"


def draw_search(trials: Sequence["Trial"], path: Path) -> None:
    """Write a drawing, .png or .svg: scores over threads and chunk, and the best so far over time.

    Raises
    ------
    SettingError
        For another suffix, or where matplotlib is not installed.
    """
    with figure([path], _SIZE) as drawing:
        left, right = drawing.subplots(1, 2)
        _heat_map(left, trials)
        _best_so_far(right, trials)


def draw_operators(trials: Sequence["Trial"], path: Path) -> None:
    """Write a drawing, .png or .svg: the scores of all choices, a row an operator, and the best of each."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        if trial.score < inf:
            found.setdefault(trial.values["layer"], []).append(trial.score)
    with figure([path], _SIZE) as drawing:
        axes = drawing.subplots()
        for row, scores in enumerate(found.values()):
            axes.scatter(scores, [row] * len(scores), s=8, color="#b8b8b8", label="choices" if row == 0 else None)
            axes.scatter([min(scores)], [row], s=16, color="#3a6ea5", label="best" if row == 0 else None)
        axes.axvline(1.0, color="#c0392b", linewidth=1, label="base")
        axes.set_yticks(range(len(found)), list(found), fontsize=6)
        axes.invert_yaxis()
        every = [score for scores in found.values() for score in scores] or [1.0]
        axes.set_xlim(min(0.5, *every) - 0.02, min(2.5, max(every)) + 0.05)
        finish(axes, "time / base's", "")


def trial_places(measured: Iterable[tuple[Mapping[str, Any], float]]) -> Iterator[tuple[str, Any, float]]:
    """Yield row and column of a heat map, threads and schedule over the chunk, and the score of each measured point."""
    for values, score in measured:
        if {"threads", "schedule", "chunk"} <= values.keys():
            yield f"{values['threads']} x {values['schedule']}", values["chunk"], score


def best_of_cells(places: Iterable[tuple[str, Any, float]]) -> dict[tuple[str, Any], float]:
    """Return the best score of each (row, column)."""
    best: dict[tuple[str, Any], float] = {}
    for row, column, score in places:
        best[row, column] = min(score, best.get((row, column), inf))
    return best


def _heat_map(axes: "Axes", trials: Sequence["Trial"]) -> None:
    """Draw the best score of every pair of threads and chunk, as far as one was measured."""
    best = best_of_cells(trial_places((trial.values, trial.score) for trial in trials if trial.score < inf))
    rows = sorted({row for row, _ in best})
    columns = sorted({column for _, column in best})
    cells = [[best.get((row, column), float("nan")) for column in columns] for row in rows]
    if cells:
        image = axes.imshow(cells, aspect="auto", cmap="viridis_r")
        axes.figure.colorbar(image, ax=axes, label="time / default's")
    middle = (min(best.values()) + max(best.values())) / 2 if best else 0.0
    for y, row_cells in enumerate(cells):
        for x, cell in enumerate(row_cells):
            if cell == cell:
                axes.annotate(f"{cell:.2f}", (x, y), ha="center", va="center", fontsize=7, color=_INK[cell > middle])
    axes.set_xticks(range(len(columns)), [str(column) for column in columns], fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_xlabel("images of a chunk")
    axes.set_ylabel("threads x schedule")


def _best_so_far(axes: "Axes", trials: Sequence["Trial"]) -> None:
    good = [trial for trial in trials if trial.score < inf]
    best = list(accumulate((trial.score for trial in good), min))
    times = [trial.at_s for trial in good]
    axes.scatter(times, [trial.score for trial in good], s=6, color="#b8b8b8", label="trials")
    axes.step(times, best, where="post", color="#3a6ea5", label="best so far")
    axes.axhline(1.0, color="#c0392b", linewidth=1, label="default")
    if good:
        axes.set_ylim(0.95 * min(best), 1.05 * min(3.0, max(trial.score for trial in good)))
    finish(axes, "seconds", "time / default's")
