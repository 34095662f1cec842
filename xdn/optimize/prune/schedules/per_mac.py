"""Each filter against its multiplications."""

from collections.abc import Callable

from xdn.graph.cost import net_cost
from xdn.optimize.prune.greedy import Greedy, ladder
from xdn.optimize.prune.layer_costs import LayerCosts
from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule


@schedule
class PerMac(Schedule):
    """Filters go in the order of importance lost for multiply-accumulates saved."""

    name = "per-mac"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """Follow the greedy steps over evenly spaced widths."""
        costs = LayerCosts(problem.channels, lambda net: float(net_cost(net).macs))
        return Greedy(problem, costs, {group.name: ladder(problem, group) for group in problem.groups}).path()
