"""Widths by time, on clocks that are known: steps, plateaus and widths that are slower than wider ones."""

from itertools import pairwise
from math import ceil

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.prune.nets import mixed_net, small_resnet
from tests.optimize.prune.schedules.problems import check_widest, check_widths, full, problem_of
from xdn.errors import DataError, SettingError
from xdn.graph import ChannelRule
from xdn.optimize.prune.layer_costs import measured_widths
from xdn.optimize.prune.remove import remove
from xdn.optimize.prune.schedule import gone, widths_of
from xdn.optimize.prune.schedules.latency import latency

WIDTH = 16


def clock_of(seconds):
    """Return a clock: the sum over all layers with filters of `seconds(filters, inputs)` an output position."""

    def clock(net):
        total = 0.0
        for each in net.layers:
            if not each.params.is_input and each.params.channel_rule_for(net.bottom_blobs(each)) is ChannelRule.FILTERS:
                top, bottom = net.top_blobs(each)[0], net.bottom_blobs(each)[0]
                positions = top.size // top.shape[0] // top.shape[1]
                total += positions * seconds(top.shape[1], bottom.shape[1])
        return total

    return clock


#: Kernels that compute eight filters at a time from four channels at a time.
STEPS = clock_of(lambda filters, inputs: ceil(filters / 8) * ceil(inputs / 4))
#: Widths of three quarters fall out of a fast path: slower than all, and their neighbours are fast.
PITFALL = clock_of(lambda filters, inputs: filters * inputs * (3 if 12 in (filters, inputs) else 1))


def seconds_of(problem, clock, widths):
    """Return what the clock says of the whole net at other widths."""
    return clock(remove(problem.channels, gone(problem.channels.groups, problem.importance, widths)))


@pytest.mark.parametrize("clock", [STEPS, PITFALL], ids=["steps", "pitfall"])
@pytest.mark.parametrize("share", [0.9, 0.7, 0.4, 0.2])
def test_no_width_is_chosen_that_is_not_faster_than_a_larger_one(clock, share):
    problem = problem_of(small_resnet(width=WIDTH), share=share, clock=clock)
    widths = widths_of(latency, problem)
    check_widths(problem, widths)
    assert any(units < full(problem)[name] for name, units in widths.items())
    for group in problem.groups:
        size = len(group.units)
        chosen = widths.get(group.name, size)
        seconds = {
            units: seconds_of(problem, clock, {**widths, group.name: units})
            for units in measured_widths(size)
            if units >= chosen
        }
        assert min(seconds, key=seconds.get) == chosen
        assert sorted(seconds.values()).count(seconds[chosen]) == 1


def test_plateaus_are_stepped_over():
    """The filters are timed in eights, what reads them in fours: all sixteenths between are not faster."""
    problem = problem_of(small_resnet(width=WIDTH), least=0.05, clock=STEPS)
    path = latency(problem)
    steps = {tuple(path(strength).values()) for strength in np.linspace(0, 1, 201)}
    chosen = {name: {step[i] for step in steps} for i, name in enumerate(full(problem))}
    assert chosen["onea"] == {16, 12, 8, 4}
    assert chosen["twoa"] == {32, 28, 24, 20, 16, 12, 8, 4}


def pair(first, second):
    """Return a net of two branches of so many filters each, on the same positions, and a reader of their own each."""
    return net_of(
        data(1, 4, 4, 4),
        conv("left", "data", first),
        conv("right", "data", second),
        conv("left_reader", "left", 4),
        conv("right_reader", "right", 4),
        layer("Eltwise", "sum", ["left_reader", "right_reader"]),
    )


def test_the_filters_that_cost_most_for_what_they_matter_go_first():
    linear = clock_of(lambda filters, inputs: filters * inputs)
    for cheap in ("left", "right"):
        importance = {name: np.ones(16) if name == cheap else np.full(16, 3.0) for name in ("left", "right")}
        problem = problem_of(pair(16, 16), share=0.7, importance=importance, clock=linear)
        widths = widths_of(latency, problem)
        (dear,) = {"left", "right"} - {cheap}
        assert widths[dear] == 16
        assert widths[cheap] < 16
    # As important in all, but one saves twice as much at each step.
    importance = {"left": np.ones(16), "right": np.ones(32) / 2}
    widths = widths_of(latency, problem_of(pair(16, 32), share=0.8, importance=importance, clock=linear))
    assert (widths["left"], widths["right"] < 32) == (16, True)


@pytest.mark.parametrize("share", [0.95, 0.7, 0.3])
@pytest.mark.parametrize("kind", ["macs", "time"])
@pytest.mark.parametrize("net", [mixed_net(), small_resnet(width=WIDTH)], ids=["mixed", "residual"])
def test_budgets_of_macs_and_of_time_are_met_as_wide_as_the_path_allows(net, kind, share):
    clock = clock_of(lambda filters, inputs: 0.5 + filters * inputs)
    problem = problem_of(net, share=share, clock=clock)
    if kind == "time":
        problem = problem_of(net, share=share, clock=clock, cost=lambda widths: seconds_of(problem, clock, widths))
    check_widest(latency, problem)


def test_a_budget_of_macs_that_only_useless_widths_would_meet_is_refused():
    """No width of any layer is faster than all: nothing is thinned, though fewer filters would be fewer MACs."""
    with pytest.raises(SettingError, match="at its narrowest"):
        widths_of(latency, problem_of(small_resnet(), share=0.9, clock=lambda net: 1.0))


def test_the_order_is_by_what_is_saved_then():
    """What a group's step saves changes with the others on its layers; the steps follow it."""
    problem = problem_of(
        small_resnet(width=WIDTH), least=0.05, clock=clock_of(lambda filters, inputs: filters * inputs)
    )
    path = latency(problem)
    steps = list(dict.fromkeys(tuple(path(s).values()) for s in np.linspace(0, 1, 401)))
    assert len(steps) == 1 + 14 * len(problem.groups)
    names = list(full(problem))
    ratios = []
    for before, after in pairwise(steps):
        ((i, units),) = ((i, b) for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b)
        ordered = np.sort(problem.importance[names[i]])
        size = len(ordered)
        lost = ordered[size - before[i] : size - units].sum()
        at = dict(zip(names, before, strict=True))
        saved = seconds_of(problem, problem.instruments.clock, at) - seconds_of(
            problem, problem.instruments.clock, {**at, names[i]: units}
        )
        ratios.append(lost / saved)
    # Each costs more for a second than those before: losses grow, and savings shrink with the others.
    assert ratios == sorted(ratios)


def test_needs_a_clock():
    with pytest.raises(DataError, match="a clock"):
        widths_of(latency, problem_of(mixed_net(), share=0.5))
