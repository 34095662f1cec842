"""Thin groups step by step, each time where least is lost for what is saved."""

import heapq
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.layer_costs import LayerCosts
from xdn.optimize.prune.schedule import Problem, Widths

#: Steps in which a group is thinned from all its units to the least, at most.
RUNGS = 64


class Greedy:
    """The greedy path through the widths of a problem's groups.

    Parameters
    ----------
    problem : Problem
    costs : LayerCosts
        Of the problem's net.
    ladders : mapping
        Group name -> the widths below all units that it may take, falling.
    """

    def __init__(self, problem: Problem, costs: LayerCosts, ladders: Mapping[str, Sequence[int]]):
        self._problem, self._costs, self._ladders = problem, costs, ladders
        self._groups = {group.name: group for group in problem.groups}

    def steps(self) -> list[Widths]:
        """Return the widths after each step, from all units on until no step saves anything."""
        widths = {name: len(group.units) for name, group in self._groups.items()}
        steps: list[Widths] = [dict(widths)]
        heap = [entry for name in widths if (entry := self._next(name, widths))]
        heapq.heapify(heap)
        while heap:
            entry = heapq.heappop(heap)
            _, name, units = entry
            # Steps of other groups on the same layers may have changed what this one saves.
            now = self._next(name, widths)
            if now == entry:
                widths[name] = units
                steps.append(dict(widths))
                now = self._next(name, widths)
            if now:
                heapq.heappush(heap, now)
        return steps

    def path(self) -> Callable[[float], Widths]:
        """Return the widths at each strength, which is the share of the steps that is taken."""
        steps = self.steps()
        return lambda strength: steps[round(strength * (len(steps) - 1))]

    def _next(self, name: str, widths: Widths) -> tuple[float, str, int] | None:
        """Return (loss for a unit of cost saved, group, the next width that saves any); None where none does."""
        group, now = self._groups[name], {**self._problem.fixed, **widths}
        cost, losses, whole = self._costs.of(group, now), self._problem.losses[name], len(group.units)
        for units in (width for width in self._ladders[name] if width < widths[name]):
            saved = cost - self._costs.of(group, {**now, name: units})
            if saved > 0:
                return float(losses[whole - units] - losses[whole - widths[name]]) / saved, name, units
        return None


def ladder(problem: Problem, group: Group) -> list[int]:
    """Return evenly spaced widths below all units, falling to the least."""
    whole, least = len(group.units), problem.least[group.name]
    count = min(RUNGS, whole - least)
    return list(dict.fromkeys(int(width) for width in np.linspace(whole, least, count + 1).round()[1:]))
