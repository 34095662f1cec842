"""Thin groups step by step, each time where least is lost for what is saved."""

import heapq
from collections.abc import Mapping, Sequence

from xdn.optimize.prune.layer_costs import LayerCosts
from xdn.optimize.prune.schedule import Path, Problem, Widths


def greedy_path(problem: Problem, costs: LayerCosts, ladders: Mapping[str, Sequence[int]]) -> Path:
    """Return the greedy path, whose strength is the share of its steps that is taken.

    Parameters
    ----------
    problem : Problem
    costs : LayerCosts
        Of the problem's net.
    ladders : mapping
        Group name -> the widths below all units that it may take, falling.
    """
    groups = {group.name: group for group in problem.groups}
    widths = {name: len(group.units) for name, group in groups.items()}

    def step(name: str) -> tuple[float, str, int] | None:
        """Return (loss for a unit of cost saved, group, the next width that saves any); None where none does."""
        group, now = groups[name], {**problem.fixed, **widths}
        cost, losses, whole = costs.of(group, now), problem.losses[name], len(group.units)
        for units in (width for width in ladders[name] if width < widths[name]):
            saved = cost - costs.of(group, {**now, name: units})
            if saved > 0:
                return float(losses[whole - units] - losses[whole - widths[name]]) / saved, name, units
        return None

    steps: list[Widths] = [dict(widths)]
    heap = [entry for name in widths if (entry := step(name))]
    heapq.heapify(heap)
    while heap:
        entry = heapq.heappop(heap)
        _, name, units = entry
        # Steps of other groups on the same layers may have changed what this one saves.
        now = step(name)
        if now == entry:
            widths[name] = units
            steps.append(dict(widths))
            now = step(name)
        if now:
            heapq.heappush(heap, now)
    return lambda strength: steps[round(strength * (len(steps) - 1))]
