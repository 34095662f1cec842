"""Each group as far as the net's score bears it."""

from collections.abc import Callable

import numpy as np

from xdn.graph import Net
from xdn.graph.layer import Array
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.instruments import given
from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule

#: Shares of a group that are tried, one group at a time.
SHARES = (0.75, 0.5, 0.25)


@schedule
class Sensitivity(Schedule):
    """Each group is thinned alone and the score measured; all groups then give up the same score.

    The scan is that of Li et al., "Pruning Filters for Efficient ConvNets" (2017), section 3.2. Between the shares that
    were tried the score is interpolated.
    """

    name = "sensitivity"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """The score that each group may lose rises from none to the largest loss that was measured."""
        score = given(problem.instruments.score, "a score on labelled images")
        whole = score(problem.channels.net)
        losses = {group.name: _losses(problem, group, lambda net: whole - score(net)) for group in problem.groups}
        largest = max(lost[-1] for lost in losses.values())

        def at(strength: float) -> Widths:
            return {
                group.name: problem.clamp(group, len(group.units) - _bearable(losses[group.name], strength * largest))
                for group in problem.groups
            }

        return at


def _losses(problem: Problem, group: Group, loss: Callable[[Net], float]) -> Array:
    """Return (n,): the score lost with 0, 1, ... of the least important units, down to the least; never falling."""
    whole, least = len(group.units), problem.least[group.name]
    gone, lost = [0], [0.0]
    for share in [s for s in SHARES if s * whole > least] + [least / whole]:
        units = problem.clamp(group, share * whole)
        if whole - units > gone[-1]:
            gone.append(whole - units)
            lost.append(max(lost[-1], loss(problem.net({group.name: units}))))
    found: Array = np.interp(np.arange(gone[-1] + 1), gone, lost)
    return found


def _bearable(losses: Array, allowed: float) -> int:
    """Return the most units that may go."""
    return int(np.searchsorted(losses, allowed, side="right")) - 1
