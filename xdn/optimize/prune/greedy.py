"""Thin groups step by step, each time where least is lost for what is saved."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np

from xdn.graph.layer import Array
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
    losses : mapping
        Group name -> (U + 1,) what is lost with the n least important units.
    """

    def __init__(self, problem: Problem, costs: LayerCosts, losses: Mapping[str, Array]):
        self._problem, self._costs, self._losses = problem, costs, losses

    def steps(self, ladders: Mapping[str, Sequence[int]]) -> list[Widths]:
        """Return the widths after each step, from all units on; `ladders` hold what groups may take, falling."""
        groups = {group.name: group for group in self._problem.groups}
        widths = {name: len(group.units) for name, group in groups.items()}
        left = {name: list(ladders[name]) for name in groups}
        steps: list[Widths] = [dict(widths)]
        heap = [entry for group in groups.values() if (entry := self._next(group, widths, left[group.name]))]
        heapq.heapify(heap)
        while heap:
            _, name, units = heapq.heappop(heap)
            widths[name] = units
            steps.append(dict(widths))
            left[name].pop(0)
            if entry := self._next(groups[name], widths, left[name]):
                heapq.heappush(heap, entry)
        return steps

    def _next(self, group: Group, widths: Widths, ladder: Sequence[int]) -> tuple[float, str, int] | None:
        """Return (loss for a unit of cost saved, group, its next width), None where it is at its least."""
        if not ladder:
            return None
        losses, whole = self._losses[group.name], len(group.units)
        now = {**self._problem.fixed, **widths}
        saved = self._costs.of(group, now) - self._costs.of(group, {**now, group.name: ladder[0]})
        lost = float(losses[whole - ladder[0]] - losses[whole - widths[group.name]])
        # What saves nothing comes last.
        return lost / saved if saved > 0 else np.inf, group.name, ladder[0]


def ladder(problem: Problem, group: Group) -> list[int]:
    """Return evenly spaced widths below all units, falling to the least."""
    whole, least = len(group.units), problem.least[group.name]
    count = min(RUNGS, whole - least)
    return list(dict.fromkeys(int(w) for w in np.linspace(whole, least, count + 1).round()[1:]))
