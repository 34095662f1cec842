"""Each group as far as the net's score bears it."""

from collections.abc import Callable

import numpy as np

from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.instruments import given
from xdn.optimize.prune.schedule import Problem, Schedule, Widths, schedule

#: Shares of a group that are tried, one group at a time.
SHARES = (0.75, 0.5, 0.25)


@schedule
class Sensitivity(Schedule):
    """Each group is thinned alone and the score measured; all groups then give up the same score.

    The source is Li et al., "Pruning Filters for Efficient ConvNets" (2017), section 3.2. Between the shares that
    were tried the score is interpolated.
    """

    name = "sensitivity"

    def path(self, problem: Problem) -> Callable[[float], Widths]:
        """The score that each group may cost rises from none to the largest that was measured."""
        score = given(problem.instruments.score, "a score on labelled images")
        whole = score(problem.channels.net)
        curves = {group.name: self._curve(problem, group, lambda net: whole - score(net)) for group in problem.groups}
        largest = max(losses[-1] for _, losses in curves.values())

        def at(strength: float) -> Widths:
            # The last step goes beyond every loss, to the least of every group.
            allowed = strength * largest if strength < 1 else np.inf
            return {
                group.name: problem.clamp(group, _kept(*curves[group.name], allowed) * len(group.units))
                for group in problem.groups
            }

        return at

    @staticmethod
    def _curve(problem: Problem, group: Group, loss: Callable) -> tuple[list[float], list[float]]:
        """Return shares of the group, falling from 1 to its least, and the score lost at each, never falling."""
        shares, losses = [1.0], [0.0]
        least = problem.least[group.name] / len(group.units)
        for share in [s for s in SHARES if s > least] + [least]:
            net = problem.net({group.name: problem.clamp(group, share * len(group.units))})
            shares.append(share)
            losses.append(max(losses[-1], loss(net)))
        return shares, losses


def _kept(shares: list[float], losses: list[float], allowed: float) -> float:
    """Return the smallest share whose interpolated loss is allowed."""
    for i in range(len(shares) - 1, 0, -1):
        if losses[i] <= allowed:
            return shares[i]
        if losses[i - 1] <= allowed:
            part = (allowed - losses[i - 1]) / (losses[i] - losses[i - 1])
            return shares[i - 1] + part * (shares[i] - shares[i - 1])
    return 1.0
