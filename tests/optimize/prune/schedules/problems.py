"""Problems for schedules: real nets with made-up importance, scores and clocks."""

from dataclasses import replace
from functools import cache

import numpy as np

from xdn.graph.cost import net_cost
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.instruments import Instruments
from xdn.optimize.prune.remove import remove
from xdn.optimize.prune.schedule import Problem, gone, widths_of

#: Strengths at which a path is looked at.
STEPS = 501


def problem_of(net, *, share=None, importance=None, least=0.2, fixed=None, cost=None, **instruments):
    """Return the problem to leave a share of the net's cost, its MACs if nothing else is said.

    The importance of a group's units is that of a seeded random order where none is given.
    """
    channels, fixed = Channels(net), fixed or {}
    rng = np.random.default_rng(7)
    importance = {g.name: rng.uniform(0.5, 1.5, len(g.units)) for g in channels.groups} | (importance or {})

    @cache
    def macs(widths):
        return net_cost(remove(channels, gone(channels.groups, importance, dict(widths)))).macs

    cost = cost or (lambda widths: macs(tuple(sorted(widths.items()))))
    return Problem(
        channels=channels,
        groups=tuple(group for group in channels.groups if group.name not in fixed),
        importance=importance,
        losses={name: np.concatenate([[0.0], np.cumsum(np.sort(found))]) for name, found in importance.items()},
        least={group.name: max(1, round(least * len(group.units))) for group in channels.groups},
        fixed=fixed,
        cost=cost,
        target=(1 if share is None else share) * cost({}),
        instruments=Instruments(**instruments),
    )


def full(problem):
    """Return the widths of the problem's groups before anything is removed."""
    return {group.name: len(group.units) for group in problem.groups}


def check_widths(problem, widths):
    """Check that widths meet the target and leave every group its least."""
    assert problem.spent(widths) <= problem.target
    for group in problem.groups:
        assert problem.least[group.name] <= widths.get(group.name, len(group.units)) <= len(group.units)


def check_widest(schedule, problem):
    """Check that the schedule's widths meet the target, and that those just before them on its path do not.

    Also that joined groups are thinned only where the others have come to their end.
    """
    widths = widths_of(schedule, problem)
    check_widths(problem, widths)
    inner, joined = (tuple(group for group in problem.groups if group.joined is kind) for kind in (False, True))
    fixed = {group.name: widths[group.name] for group in inner}
    part = replace(problem, groups=inner)
    if not fixed.keys() >= widths.keys():
        assert fixed == schedule(part)(1.0)
        part = replace(problem, groups=joined, fixed=fixed)
    path = schedule(part)
    steps = [path(strength) for strength in np.linspace(0, 1, STEPS)]
    met = [part.spent(step) <= part.target for step in steps]
    assert met == sorted(met)
    first = met.index(True)
    assert first > 0
    # The schedule's own steps are finer: what it found lies between the last that is too wide and the first that fits.
    for name in path(1.0):
        assert steps[first][name] <= widths[name] <= steps[first - 1][name]
    assert widths != steps[first - 1]
