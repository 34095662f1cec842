"""One threshold of importance for all groups."""

from collections.abc import Callable

import numpy as np

from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule


@schedule
class GlobalThreshold(Schedule):
    """All filters below one importance go, whichever group they are in."""

    name = "global"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """The threshold rises through all importances."""
        values = np.sort(np.concatenate([problem.importance[group.name] for group in problem.groups]))

        def at(strength: float) -> Widths:
            below = round(strength * len(values))
            threshold = values[below] if below < len(values) else np.inf
            return {
                group.name: problem.clamp(group, float(np.sum(problem.importance[group.name] >= threshold)))
                for group in problem.groups
            }

        return at
