"""Each group as far as the net's score bears it."""

from collections.abc import Callable
from functools import cache

import numpy as np

from xdn.graph import Array, Net
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.instruments import given
from xdn.optimize.prune.schedule import SCHEDULES, Path, Problem, Widths

#: Shares of a group that are tried, one group at a time.
SHARES = (0.75, 0.5, 0.25)
#: What giving up a whole group counts for at least, relative to the largest loss: groups that lose nothing, as far as
#: the score shows, then go first but gradually, and all alike.
SLOPE = 0.01


@SCHEDULES.register("sensitivity")
def sensitivity(problem: Problem) -> Path:
    """Each group is thinned alone and the score measured; all groups then give up the same score.

    The source is Li et al., "Pruning Filters for Efficient ConvNets" (2017), section 3.2. Between the shares that
    were tried the score is interpolated.
    """
    score = given(problem.instruments.score, "a score on labelled images")

    @cache
    def curves() -> dict[str, tuple[Array, Array]]:
        """Return for each group what shares of it cost, measured once."""
        whole = score(problem.channels.net)
        measured = {group.name: _curve(problem, group, lambda net: whole - score(net)) for group in problem.groups}
        slope = SLOPE * (max(losses[-1] for _, losses in measured.values()) or 1.0)
        return {name: (shares, losses + slope * (1 - shares)) for name, (shares, losses) in measured.items()}

    def at(strength: float) -> Widths:
        """Let each group cost up to a score that rises from none to the largest that was measured."""
        if strength == 1:
            return {group.name: problem.least[group.name] for group in problem.groups}
        allowed = strength * max(losses[-1] for _, losses in curves().values())
        kept = {name: np.interp(allowed, losses, shares) for name, (shares, losses) in curves().items()}
        return {group.name: problem.clamp(group, kept[group.name] * len(group.units)) for group in problem.groups}

    return at


def _curve(problem: Problem, group: Group, loss: Callable[[Net], float]) -> tuple[Array, Array]:
    """Return shares of the group, falling from 1 to its least, and the score lost at each, never falling."""
    least = problem.least[group.name] / len(group.units)
    shares = [s for s in SHARES if s > least] + [least]
    losses = [loss(problem.net({group.name: problem.clamp(group, share * len(group.units))})) for share in shares]
    return np.array([1.0, *shares]), np.maximum.accumulate([0.0, *losses])
