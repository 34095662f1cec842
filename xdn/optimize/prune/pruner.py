"""Prune a net: measure how much its filters matter, spread the budget, take the least important out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import numpy as np

from xdn.errors import listed
from xdn.graph import Array, Net
from xdn.graph.cost import Cost, net_cost
from xdn.optimize.prune.channels import Channels, Group
from xdn.optimize.prune.config import FILTERS, MACS, PARAMS, SIZE, TIME, Budget, PruneConfig
from xdn.optimize.prune.criterion import CRITERIA, Criterion
from xdn.optimize.prune.evidence import Evidence
from xdn.optimize.prune.importance import Importance, importance_of
from xdn.optimize.prune.instruments import Instruments, given
from xdn.optimize.prune.locks import BudgetError, Locked, locked_layers
from xdn.optimize.prune.reconstruct import refit
from xdn.optimize.prune.remove import remove
from xdn.optimize.prune.schedule import SCHEDULES, Problem, Widths, gone, widths_of

#: Told how far pruning is: (steps done, steps).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Thinned:
    """What became of one group.

    Parameters
    ----------
    group : str
        The first of its layers.
    layers : tuple of str
        All layers whose filters it holds.
    before, after : int
        Units.
    filters_before, filters_after : int
        What the units are of the first layer's filters: two each where they go in pairs.
    joined : bool
        As `Group.joined`.
    criterion : str
    importance : Importance, optional
        Of the units before any step.
    """

    group: str
    layers: tuple[str, ...]
    before: int
    after: int
    filters_before: int
    filters_after: int
    joined: bool
    criterion: str
    importance: Importance | None = None


@dataclass(frozen=True, eq=False)
class Pruned:
    """A pruned net and how it came about.

    Parameters
    ----------
    net : Net
    groups : tuple of Thinned
    before, after : Cost
        Of an image.
    config : PruneConfig
        As it was followed.
    locked : tuple of Locked
        The layers of which some filters could not go.
    """

    net: Net
    groups: tuple[Thinned, ...]
    before: Cost
    after: Cost
    config: PruneConfig
    locked: tuple[Locked, ...] = ()


def prune(
    net: Net, config: PruneConfig, instruments: Instruments | None = None, progress: Progress | None = None
) -> Pruned:
    """Return the net without its least important filters.

    Parameters
    ----------
    net : Net
        With weights, without anything post-fused. Plain fusion need not have run: its factors count nevertheless.
    config : PruneConfig
    instruments : Instruments, optional
        What the criterion and the schedule need; those that look at weights only need none.
    progress : callable, optional

    Raises
    ------
    BudgetError
        The budget cannot be met, a rule meets no layer that can be thinned, or nothing at all could be removed though
        something was asked for; it says which layers are locked, and by what.
    DataError
        An instrument is missing.
    """
    instruments = instruments or Instruments()
    channels = left = Channels(net)
    locked = locked_layers(net)
    _check_rules(config, channels, locked)
    sizes = {group.name: len(group.units) for group in channels.groups}
    if config.asks and all(units < 2 for units in sizes.values()):
        raise BudgetError("no filter of the net can be removed", locked)
    before = net_cost(net)
    meter = _meter(config.budget, before, instruments)
    whole = meter(channels)(sizes)
    target = min(config.budget.target(whole), whole)
    for step in range(1, config.steps + 1):
        # Every step leaves the same share of what the one before it left; the last is not to miss it by a rounding.
        part = target if step == config.steps or not whole else whole * (target / whole) ** (step / config.steps)
        evidence = Evidence(left, instruments, config.seed)
        problem = _problem(evidence, config, instruments, part, sizes, meter)
        if step == 1:
            first = problem
        left = _step(problem, config, evidence)
        if progress:
            progress(step, config.steps)
    groups = _thinned(first, left, config)
    if all(group.before == group.after for group in groups) and (target < whole or config.asks):
        mend = "Ask for more; of a few filters a small share is none"
        raise BudgetError("nothing was removed, since what is asked for is less than a filter", locked, mend)
    return Pruned(left.net, groups, before, net_cost(left.net), config, locked)


def _thinned(first: Problem, left: Channels, config: PruneConfig) -> tuple[Thinned, ...]:
    """Return what became of each group of the first step's problem; `left` is left of it."""
    found, channels = [], first.channels
    for group, after in zip(channels.groups, left.groups, strict=True):
        units = len(group.units), len(after.units)
        filters = channels.filters_of(group), left.filters_of(after)
        mattered = importance_of(first.importance[group.name], first.losses[group.name], units[0] - units[1])
        criterion = config.criterion_of(group)
        found.append(Thinned(group.name, group.filters, *units, *filters, group.joined, criterion, mattered))
    return tuple(found)


def _problem(
    evidence: Evidence, config: PruneConfig, instruments: Instruments, target: float, sizes: Widths, meter: "_Meter"
) -> Problem:
    """Return what a step's schedule is asked; `sizes` are the groups' units before any step."""
    channels = evidence.channels
    criteria = {group.name: CRITERIA[config.criterion_of(group)]() for group in channels.groups}
    importance = {group.name: _importance(group, criteria[group.name], evidence) for group in channels.groups}

    def kept(group: Group, share: float) -> int:
        """Return how many units a share is of those before any step, of which more may have gone already."""
        return min(len(group.units), max(1, round(sizes[group.name] * share)))

    ratios = {group: config.rule(group).ratio for group in channels.groups}
    fixed = {group.name: kept(group, 1 - ratio) for group, ratio in ratios.items() if ratio is not None}
    return Problem(
        channels=channels,
        groups=tuple(group for group in channels.groups if group.name not in fixed),
        importance=importance,
        losses={name: criteria[name].losses(values) for name, values in importance.items()},
        least={group.name: kept(group, config.least) for group in channels.groups},
        fixed=fixed,
        cost=meter(channels),
        target=target,
        instruments=instruments,
    )


def _step(problem: Problem, config: PruneConfig, evidence: Evidence) -> Channels:
    """Return what is left of a problem's channels."""
    inner_first = config.inner_first
    if inner_first is None:
        inner_first = not CRITERIA[config.criterion].comparable
    widths = {**problem.fixed, **widths_of(SCHEDULES[config.schedule], problem, inner_first)}
    channels = problem.channels
    units = gone(channels.groups, problem.importance, widths)
    thinned = remove(channels, units)
    if config.reconstruct:
        thinned = refit(evidence, thinned, units)
    return channels.left_in(thinned, units)


def _importance(group: Group, criterion: Criterion, evidence: Evidence) -> Array:
    """Return the group's importance, relative to its mean where values of different groups cannot be compared."""
    found = np.asarray(criterion.importance(group, evidence), np.float64)
    mean = found.mean()
    return found if criterion.comparable or mean == 0 else found / mean


#: Gives, of a net's channels, what the cost of widths is.
_Meter = Callable[[Channels], Callable[[Widths], float]]


def _meter(budget: Budget, whole: Cost, instruments: Instruments) -> _Meter:
    """Return what gives the cost of widths in the budget's unit, `whole` being that of the net before any step."""
    price = {
        MACS: lambda net: float(net_cost(net).macs),
        PARAMS: lambda net: float(net_cost(net).parameters),
        SIZE: lambda net: _share(net_cost(net), whole),
        TIME: lambda net: given(instruments.clock, "a clock")(net),
    }

    def of(channels: Channels) -> Callable[[Widths], float]:
        sizes = {group.name: len(group.units) for group in channels.groups}
        if budget.kind == FILTERS:
            return lambda widths: float(sum((sizes | dict(widths)).values()))
        bare = channels.left_in(channels.net.without_weights(), np.zeros(0, int))
        any_order = {group.name: np.zeros(len(group.units)) for group in bare.groups}

        @cache
        def measured(widths: tuple[tuple[str, int], ...]) -> float:
            """Return the cost of the net thinned to these widths, whichever units go."""
            return price[budget.kind](remove(bare, gone(bare.groups, any_order, dict(widths))))

        return lambda widths: measured(tuple(sorted(widths.items())))

    return of


def _share(left: Cost, whole: Cost) -> float:
    """Return the larger of the shares of multiplications and of parameters that are left."""
    return max(left.macs / max(whole.macs, 1), left.parameters / max(whole.parameters, 1))


def _check_rules(config: PruneConfig, channels: Channels, locked: Sequence[Locked]) -> None:
    """Raise BudgetError for a rule that meets no group, and UnknownNameError for names that are not registered."""
    _ = SCHEDULES[config.schedule], CRITERIA[config.criterion]
    for rule in config.rules:
        if rule.criterion is not None:
            _ = CRITERIA[rule.criterion]
        if not any(rule.holds_for(group) for group in channels.groups):
            meant = [each for each in locked if fnmatchcase(each.layer, rule.layer)]
            known = listed([group.name for group in channels.groups])
            raise BudgetError(
                f"no layer that can be pruned is called {rule.layer!r}", meant, known and f"Those: {known}"
            )
