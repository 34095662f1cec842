"""What all schedules have in common: inner groups first, what stays in any case, and budgets that cannot be met."""

from itertools import pairwise

import numpy as np
import pytest

from tests.optimize.prune.nets import mixed_net, small_resnet
from tests.optimize.prune.schedules.problems import check_widths, full, problem_of
from xdn.errors import SettingError
from xdn.graph.cost import net_cost
from xdn.optimize.prune.channels import Channels
from xdn.optimize.prune.remove import remove
from xdn.optimize.prune.schedule import SCHEDULES, gone, widths_of


def clock(net):
    """Return seconds that rise with the MACs of each layer."""
    return 1e-9 * net_cost(net).macs


def score(net):
    return -1.0 / net_cost(net).parameters


def problem_for(net, share, **params):
    return problem_of(net, share=share, clock=clock, score=score, **params)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_documented(name):
    assert SCHEDULES[name].__doc__


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_a_budget_of_all_leaves_all(name):
    assert widths_of(SCHEDULES[name], problem_of(small_resnet())) == {}


@pytest.mark.parametrize("name", list(SCHEDULES))
@pytest.mark.parametrize("net", [mixed_net(), small_resnet(width=16)], ids=["mixed", "residual"])
def test_both_ends_of_the_path(name, net):
    problem = problem_for(net, 1.0)
    path = SCHEDULES[name](problem)
    assert path(0.0) == full(problem)
    ends = path(1.0)
    assert all(problem.least[each] <= units < full(problem)[each] for each, units in ends.items())
    # Stronger is never wider.
    steps = [path(strength) for strength in np.linspace(0, 1, 101)]
    for before, after in pairwise(steps):
        assert all(after[each] <= units for each, units in before.items())


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_what_a_sum_joins_is_thinned_last(name):
    schedule, net = SCHEDULES[name], small_resnet(width=16)
    some = widths_of(schedule, problem_for(net, 0.8))
    assert set(some) == {"onea", "twoa"}
    more = widths_of(schedule, problem_for(net, 0.15))
    assert set(more) == {"onea", "twoa", "stem", "project"}
    ends = schedule(problem_for(net, 0.15))(1.0)
    assert {each: more[each] for each in some} == {each: ends[each] for each in some}
    for share, widths in ((0.8, some), (0.15, more)):
        check_widths(problem_for(net, share), widths)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_groups_that_are_fixed_count_and_are_not_touched(name):
    net = small_resnet(width=16)
    free, fixed = problem_for(net, 0.8), problem_for(net, 0.8, fixed={"onea": 4})
    widths = widths_of(SCHEDULES[name], fixed)
    assert "onea" not in widths
    assert fixed.spent(widths) <= fixed.target
    assert widths["twoa"] >= widths_of(SCHEDULES[name], free)["twoa"]
    # What is fixed alone is enough: nothing else goes.
    assert widths_of(SCHEDULES[name], problem_for(net, 0.95, fixed={"twoa": 4})) == {}


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_what_cannot_be_met_is_refused(name):
    with pytest.raises(SettingError, match=r"narrowest the net still costs .* asked for.*\(least\)"):
        widths_of(SCHEDULES[name], problem_for(small_resnet(width=16), 0.6, least=0.9))


def test_the_least_important_units_go():
    channels = Channels(small_resnet())
    importance = {g.name: np.arange(len(g.units))[::-1] for g in channels.groups}
    units = gone(channels.groups, importance, {"stem": 6, "twoa": 15})
    stem, _, _, twoa = channels.groups
    assert sorted(units) == sorted([*stem.units[-2:], *twoa.units[-1:]])
    assert remove(channels, units).layer("stem").params.num_output == 6


def test_equal_units_go_in_their_order():
    channels = Channels(small_resnet())
    units = gone(channels.groups[:1], {"stem": np.zeros(8)}, {"stem": 5})
    assert units.tolist() == channels.groups[0].units[:3].tolist()
