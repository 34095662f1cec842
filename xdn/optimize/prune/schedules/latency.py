"""Each filter against the time that it takes on this machine."""

import heapq
from collections.abc import Callable, Mapping

import numpy as np

from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.instruments import given
from xdn.optimize.prune.layer_times import LayerTimes
from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule


@schedule
class Latency(Schedule):
    """Filters go in the order of importance lost for time saved, time measured layer by layer on this machine.

    Each layer is timed at several widths of its top and its bottom. A width that is not faster than a larger one is
    never chosen. The greedy choice is that of NetAdapt (Yang et al. 2018), with importance in place of its
    short-term accuracy.
    """

    name = "latency"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """Follow the greedy steps; `strength` is the share of them that is taken."""
        times = LayerTimes(problem.channels, given(problem.instruments.clock, "a clock"))
        steps = _steps(problem, times)
        return lambda strength: steps[round(strength * (len(steps) - 1))]


def _steps(problem: Problem, times: LayerTimes) -> list[Widths]:
    """Return the widths after each greedy step, from all units to the least."""
    groups = {group.name: group for group in problem.groups}
    ladder = {group.name: _legal(problem, group, times) for group in problem.groups}
    widths = {name: len(group.units) for name, group in groups.items()}
    steps: list[Widths] = [dict(widths)]
    heap = [entry for group in problem.groups if (entry := _next(group, widths, problem, ladder, times))]
    heapq.heapify(heap)
    while heap:
        _, name, units = heapq.heappop(heap)
        widths[name] = units
        steps.append(dict(widths))
        ladder[name] = [width for width in ladder[name] if width < units]
        entry = _next(groups[name], widths, problem, ladder, times)
        if entry:
            heapq.heappush(heap, entry)
    return steps


def _next(
    group: Group,
    widths: Widths,
    problem: Problem,
    ladder: Mapping[str, list[int]],
    times: LayerTimes,
) -> tuple[float, str, int] | None:
    """Return (importance lost for a second saved, group, its next width), None where it is at its least."""
    if not ladder[group.name]:
        return None
    now = {**problem.fixed, **widths}
    units = ladder[group.name][0]
    saved = times.of(group, now) - times.of(group, {**now, group.name: units})
    losses, whole = problem.losses[group.name], len(group.units)
    lost = losses[whole - units] - losses[whole - widths[group.name]]
    return lost / max(saved, np.finfo(float).tiny), group.name, units


def _legal(problem: Problem, group: Group, times: LayerTimes) -> list[int]:
    """Return the widths below all, falling, of which each is faster than every larger one."""
    full = {other.name: len(other.units) for other in problem.channels.groups}
    fastest = times.of(group, full)
    found: list[int] = []
    for share in times.shares[1:]:
        units = problem.clamp(group, share * len(group.units))
        seconds = times.of(group, {**full, group.name: units})
        if seconds < fastest and (not found or units < found[-1]):
            fastest = seconds
            found.append(units)
    return found
