"""The same share of every group."""

from collections.abc import Callable

from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule


@schedule
class Uniform(Schedule):
    """Every group keeps the same share of its filters."""

    name = "uniform"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """Keep (1 - strength) of each group, its least at the end."""
        return lambda strength: {
            group.name: problem.clamp(group, (1 - strength) * len(group.units)) for group in problem.groups
        }
