"""What a schedule is: how many units of each group stay, given how much each unit matters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from xdn.graph import Array, Net
from xdn.optimize.prune.channels import Channels, Group
from xdn.optimize.prune.instruments import Instruments
from xdn.optimize.prune.locks import BudgetError, locked_layers
from xdn.optimize.prune.remove import remove
from xdn.registry import Registry

#: Group name -> units that stay.
Widths = Mapping[str, int]
#: Halvings of the interval in which the strength of pruning lies.
HALVINGS = 20


@dataclass(frozen=True, eq=False)
class Problem:
    """What a schedule is asked.

    Parameters
    ----------
    channels : Channels
        Of the net with its weights.
    groups : tuple of Group
        Those that may be thinned.
    importance : mapping
        Group name -> (U,) importance, comparable between groups.
    losses : mapping
        Group name -> (U + 1,) what is lost with the n least important units.
    least : mapping
        Group name -> units that stay in any case.
    fixed : mapping
        Widths of groups that are decided already.
    cost : callable
        What widths (of all groups) cost; it falls with each of them.
    target : float
        What may stay of the cost.
    instruments : Instruments
    """

    channels: Channels
    groups: tuple[Group, ...]
    importance: Mapping[str, Array]
    losses: Mapping[str, Array]
    least: Widths
    fixed: Widths
    cost: Callable[[Widths], float]
    target: float
    instruments: Instruments

    def clamp(self, group: Group, units: float) -> int:
        """Return a whole number of units that the group may keep."""
        return int(np.clip(round(units), self.least[group.name], len(group.units)))

    def spent(self, widths: Widths) -> float:
        """Return the cost of `widths` together with those that are fixed."""
        return self.cost({**self.fixed, **widths})

    def net(self, widths: Widths) -> Net:
        """Return the net thinned to `widths`; groups that are not named keep all."""
        return remove(self.channels, gone(self.groups, self.importance, widths))


def gone(groups: tuple[Group, ...], importance: Mapping[str, Array], widths: Widths) -> Array:
    """Return the units that go when each group keeps its most important ones."""
    parts = [np.zeros(0, int)]
    for group in groups:
        count = len(group.units) - widths.get(group.name, len(group.units))
        parts.append(group.units[np.argsort(importance[group.name], kind="stable")[:count]])
    return np.concatenate(parts)


#: The widths of a problem's groups at each strength in 0 (all stay) .. 1 (the least stay).
Path = Callable[[float], Widths]
#: A way to spread pruning over the groups; the first line of its docstring is what `--list` prints.
Schedule = Callable[[Problem], Path]


def widths_of(schedule: Schedule, problem: Problem, inner_first: bool = True) -> Widths:
    """Return the widest widths on the schedule's path that meet the target; groups that are not named keep all.

    Parameters
    ----------
    schedule : Schedule
    problem : Problem
    inner_first : bool
        Thin the joined groups only where the others at the end of their path do not meet the target.

    Raises
    ------
    BudgetError
        Not even the end of the path meets the target.
    """
    if problem.spent({}) <= problem.target:
        return {}
    chosen: dict[str, int] = {}
    for joined in ((False,), (True,)) if inner_first else ((False, True),):
        groups = tuple(group for group in problem.groups if group.joined in joined)
        if not groups:
            continue
        part = replace(problem, groups=groups, fixed={**problem.fixed, **chosen})
        at = schedule(part)
        if part.spent(at(1.0)) <= part.target:
            return chosen | dict(_widest(part, at))
        chosen |= at(1.0)
    least, wanted = problem.spent(chosen), problem.target
    raise BudgetError(
        f"at its narrowest the net still costs {least:.4g}; {wanted:.4g} is asked for",
        locked_layers(problem.channels.net),
        mend="Ask for less pruning, or let a smaller share of each group stay (least)",
    )


def _widest(problem: Problem, at: Path) -> Widths:
    """Return the widths of the weakest strength that meets the target; 0 is known not to, and 1 to meet it."""
    weak, strong = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (weak + strong) / 2
        if problem.spent(at(middle)) <= problem.target:
            strong = middle
        else:
            weak = middle
    return at(strong)


#: Every schedule, by name.
SCHEDULES: Registry[Schedule] = Registry("pruning schedule", "xdn.optimize.prune.schedules")
