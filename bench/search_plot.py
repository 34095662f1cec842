"""Search strategies side by side, as a drawing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xdn.report.figure import figure, finish

_SIZE = (7.0, 4.0)
_STEPS = 200

#: (spent, score of what would be chosen) after each trial.
Path_ = Sequence[tuple[float, float]]


def draw_strategies(paths: Mapping[str, Sequence[Path_]], best: float, path: Path) -> None:
    """Write a drawing: for each strategy the mean over its seeds of what it would choose, over what was spent.

    Parameters
    ----------
    paths : mapping
        Strategy -> one path a seed.
    best : float
        The best score of all.
    path : Path
        .png or .svg.
    """
    with figure([path], _SIZE) as drawing:
        axes = drawing.add_subplot()
        most = max(seed[-1][0] for seeds in paths.values() for seed in seeds)
        grid = np.linspace(0, most, _STEPS)
        for name, seeds in paths.items():
            lines = []
            for seed in seeds:
                spent, score = np.array(seed).T
                lines.append(np.concatenate([[1.0], score])[np.searchsorted(spent, grid, side="right")] / best)
            axes.step(grid, np.mean(lines, axis=0), where="post", label=name)
        axes.axhline(1.0, color="#b8b8b8", linewidth=1)
        finish(axes, "spent, full measurements", "time / best of all points")
