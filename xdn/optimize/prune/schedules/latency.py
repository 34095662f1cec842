"""Each filter against the time that it takes on this machine."""

from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.greedy import greedy_path
from xdn.optimize.prune.instruments import given
from xdn.optimize.prune.layer_costs import LayerCosts, measured_widths
from xdn.optimize.prune.schedule import SCHEDULES, Path, Problem


@SCHEDULES.register("latency")
def latency(problem: Problem) -> Path:
    """Filters go in the order of importance lost for time saved, time measured layer by layer on this machine.

    A width that is not faster than every larger one is never chosen. The greedy choice is that of NetAdapt (Yang et
    al. 2018), with importance in place of its short-term accuracy.
    """
    times = LayerCosts(problem.channels, given(problem.instruments.clock, "a clock"))
    return greedy_path(problem, times, {group.name: _faster(problem, group, times) for group in problem.groups})


def _faster(problem: Problem, group: Group, times: LayerCosts) -> list[int]:
    """Return the widths below all, falling, of which each is faster than every larger one."""
    full = {other.name: len(other.units) for other in problem.channels.groups}
    fastest, found = times.of(group, full), []
    for units in (width for width in measured_widths(len(group.units))[1:] if width >= problem.least[group.name]):
        seconds = times.of(group, {**full, group.name: units})
        if seconds < fastest:
            fastest = seconds
            found.append(units)
    return found
