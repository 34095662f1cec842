"""Each filter against the time that it takes on this machine."""

import heapq
from collections.abc import Callable

import numpy as np

from xdn.graph.layer import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.instruments import given
from xdn.optimize.prune.layer_times import LayerTimes, timed_widths
from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule

#: What a step saves of the time of its layers at least: less is what the clock and the interpolation err by.
SAVING = 1e-3


@schedule
class Latency(Schedule):
    """Filters go in the order of importance lost for time saved, time measured layer by layer on this machine.

    Each layer is timed at several widths of its top and its bottom. A step goes to the next width that is faster than
    the present one, so that no width is chosen that is not faster than all larger ones. The greedy choice is that of
    NetAdapt (Yang et al. 2018), with importance in place of its short-term accuracy.
    """

    name = "latency"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """Follow the greedy steps; `strength` is the share of them that is taken."""
        times = LayerTimes(problem.channels, given(problem.instruments.clock, "a clock"))
        steps = _steps(problem, times)
        return lambda strength: steps[round(strength * (len(steps) - 1))]


class _Ladders:
    """The widths that each group may step down to, and what a step costs and saves."""

    def __init__(self, problem: Problem, times: LayerTimes):
        self._problem, self._times = problem, times
        self._groups = {group.name: group for group in problem.groups}
        self._widths = {
            group.name: [n for n in timed_widths(len(group.units)) if n >= problem.least[group.name]]
            for group in problem.groups
        }
        self._lost = {group.name: _losses(problem, group) for group in problem.groups}

    def next(self, name: str, widths: Widths) -> tuple[float, str, int] | None:
        """Return (importance lost for a second saved, group, the next width that saves any); None where none does."""
        group, now = self._groups[name], {**self._problem.fixed, **widths}
        seconds, lost, size = self._times.of(group, now), self._lost[name], len(group.units)
        for units in (width for width in self._widths[name] if width < widths[name]):
            saved = seconds - self._times.of(group, {**now, name: units})
            if saved > SAVING * seconds:
                return float(lost[size - units] - lost[size - widths[name]]) / saved, name, units
        return None


def _steps(problem: Problem, times: LayerTimes) -> list[Widths]:
    """Return the widths after each greedy step, from all units on until no step saves time."""
    ladders = _Ladders(problem, times)
    widths = {group.name: len(group.units) for group in problem.groups}
    steps: list[Widths] = [dict(widths)]
    heap = [entry for name in widths if (entry := ladders.next(name, widths))]
    heapq.heapify(heap)
    while heap:
        entry = heapq.heappop(heap)
        _, name, units = entry
        # Steps of other groups on the same layers may have changed what this one saves.
        if ladders.next(name, widths) == entry:
            widths[name] = units
            steps.append(dict(widths))
        again = ladders.next(name, widths)
        if again:
            heapq.heappush(heap, again)
    return steps


def _losses(problem: Problem, group: Group) -> Array:
    """Return (U + 1,): the importance of the n least important units, for every n."""
    importance = problem.importance[group.name]
    return np.concatenate([[0.0], np.cumsum(importance[problem.order(group)])])
