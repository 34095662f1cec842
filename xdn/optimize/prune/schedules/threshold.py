"""One threshold of importance for all groups."""

import numpy as np

from xdn.optimize.prune.schedule import SCHEDULES, Path, Problem, Widths


@SCHEDULES.register("global")
def global_threshold(problem: Problem) -> Path:
    """All filters below one importance go, whichever group they are in."""
    values = np.sort(np.concatenate([problem.importance[group.name] for group in problem.groups]))

    def at(strength: float) -> Widths:
        """Keep what is above the threshold, which rises through all importances."""
        below = round(strength * len(values))
        threshold = values[below] if below < len(values) else np.inf
        return {
            group.name: problem.clamp(group, float(np.sum(problem.importance[group.name] >= threshold)))
            for group in problem.groups
        }

    return at
