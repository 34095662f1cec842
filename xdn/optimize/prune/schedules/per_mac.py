"""Each filter against its multiplications."""

import numpy as np

from xdn.graph.cost import net_cost
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.greedy import greedy_path
from xdn.optimize.prune.layer_costs import LayerCosts
from xdn.optimize.prune.schedule import SCHEDULES, Path, Problem

#: Steps in which a group is thinned from all its units to the least, at most.
RUNGS = 64


@SCHEDULES.register("per-mac")
def per_mac(problem: Problem) -> Path:
    """Filters go in the order of importance lost for multiply-accumulates saved."""
    costs = LayerCosts(problem.channels, lambda net: float(net_cost(net).macs))
    return greedy_path(problem, costs, {group.name: _ladder(problem, group) for group in problem.groups})


def _ladder(problem: Problem, group: Group) -> list[int]:
    """Return evenly spaced widths below all units, falling to the least."""
    whole, least = len(group.units), problem.least[group.name]
    count = min(RUNGS, whole - least)
    return list(dict.fromkeys(int(width) for width in np.linspace(whole, least, count + 1).round()[1:]))
