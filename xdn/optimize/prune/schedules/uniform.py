"""The same share of every group."""

from xdn.optimize.prune.schedule import SCHEDULES, Path, Problem


@SCHEDULES.register("uniform")
def uniform(problem: Problem) -> Path:
    """Every group keeps the same share of its filters."""
    return lambda strength: {
        group.name: problem.clamp(group, (1 - strength) * len(group.units)) for group in problem.groups
    }
