"""The whole of pruning: budgets, rules, steps and what is reported."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of, outputs
from tests.optimize.prune.nets import gradients_for, images_for, mixed_net, small_resnet
from tests.positions import NAMES, net_over
from xdn.errors import DataError, SettingError, UnknownNameError, UnsupportedError
from xdn.graph import Quantized
from xdn.graph.cost import net_cost
from xdn.graph.verify import verify
from xdn.optimize import POST_FUSION
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.prune.config import Budget, PruneConfig, Rule
from xdn.optimize.prune.criterion import CRITERIA
from xdn.optimize.prune.instruments import Instruments
from xdn.optimize.prune.locks import BudgetError
from xdn.optimize.prune.pruner import prune
from xdn.optimize.prune.schedule import SCHEDULES
from xdn.optimize.stage import stage_names

NET = small_resnet(width=16)
INNER, JOINED = {"onea", "twoa"}, {"stem", "project"}


def clock(net):
    """Return seconds that rise with the MACs."""
    return 1e-3 + 1e-9 * net_cost(net).macs


INSTRUMENTS = Instruments(
    images=images_for(NET, 6),
    gradients=lambda net: gradients_for(net, 2)(net),
    score=lambda net: -1 / net_cost(net).parameters,
    clock=clock,
)


def pruned(budget, net=NET, **config):
    return prune(net, PruneConfig(Budget.parse(budget), **config), INSTRUMENTS)


def share(net):
    """Return the larger of the shares of multiplications and of parameters that are left of NET."""
    cost, whole = net_cost(net), net_cost(NET)
    return max(cost.macs / whole.macs, cost.parameters / whole.parameters)


def widths(result):
    return {group.group: group.after for group in result.groups}


@pytest.mark.parametrize("budget", ["0", "filters=1", "macs=1.0", "macs=1G", "time=1", "time=1s"])
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_a_budget_of_all_changes_nothing(budget, schedule):
    result = pruned(budget, schedule=schedule)
    assert result.net is NET
    assert all(group.before == group.after for group in result.groups)
    assert result.before == result.after


def test_reconstructing_nothing_changes_nothing():
    assert pruned("0", reconstruct=True, steps=2).net.digest == NET.digest


@pytest.mark.parametrize("criterion", list(CRITERIA))
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_budgets_are_met_by_every_criterion_and_schedule(criterion, schedule):
    result = pruned("macs=0.5", criterion=criterion, schedule=schedule)
    verify(result.net)
    assert result.before == net_cost(NET)
    assert result.after == net_cost(result.net)
    assert 0.4 * result.before.macs < result.after.macs <= 0.5 * result.before.macs
    assert {group.criterion for group in result.groups} == {criterion}
    for group in result.groups:
        assert group.after == result.net.layer(group.group).params.num_output
        assert group.before == NET.layer(group.group).params.num_output


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        ("0.3", lambda net: sum(net.layer(name).params.num_output for name in INNER | JOINED) / 96),
        ("macs=0.7", lambda net: net_cost(net).macs / net_cost(NET).macs),
        ("macs=600K", lambda net: net_cost(net).macs / 600e3 * 0.7),
        ("params=0.7", lambda net: net_cost(net).parameters / net_cost(NET).parameters),
        ("macs+params=0.7", share),
        ("time=0.7", lambda net: clock(net) / clock(NET)),
        ("time=1.6ms", lambda net: clock(net) / 1.6e-3 * 0.7),
    ],
)
def test_every_kind_of_budget(budget, left):
    result = pruned(budget)
    # A unit is 1 / 16 or 1 / 32 of its group: what the budget leaves is used but for two of them.
    assert 0.63 < left(result.net) <= 0.7


def test_inner_groups_go_first():
    result = pruned("macs=0.7")
    assert {group.group for group in result.groups if group.after < group.before} == INNER
    assert {group.group for group in result.groups if group.joined} == JOINED
    assert result.groups[0].layers == ("stem", "oneb")
    result = pruned("macs=0.15", least=0.2)
    # The inner ones to their least, a fifth of 16 and of 32.
    assert {name: units for name, units in widths(result).items() if name in INNER} == {"onea": 3, "twoa": 6}
    assert all(3 <= widths(result)[name] < 32 for name in JOINED)


def test_the_least_share_stays():
    assert widths(pruned("macs=0.75", least=0.5))["onea"] >= 8
    with pytest.raises(SettingError, match="asked for"):
        pruned("macs=0.15", least=0.5)


def norms(net):
    """Return the L1 norms of the filters of "onea", rising, the factors of BatchNorm and Scale folded in."""
    scale, statistics = net.layer("onea_scale").weights["scale"], net.layer("onea_bn").weights
    factors = scale / np.sqrt(statistics["variance"] / statistics["scale_factor"] + 1e-5)
    return np.sort(np.abs(net.layer("onea").weights["weight"]).sum(axis=(1, 2, 3)) * abs(factors))


def test_the_least_important_filters_go():
    before, after = norms(NET), norms(pruned("macs=0.7", criterion="l1").net)
    assert len(after) < len(before)
    np.testing.assert_allclose(after, before[-len(after) :], rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 3])
def test_it_is_told_what_went_of_the_importance(steps):
    found = pruned("macs=0.6", criterion="l1", steps=steps, reconstruct=False)
    (group,) = [each for each in found.groups if each.group == "onea"]
    values = norms(NET)
    assert group.after < group.before
    assert group.importance.gone == pytest.approx(values[: group.before - group.after].sum() / values.sum(), rel=1e-5)
    # Relative to the mean, as groups are compared.
    assert group.importance.most == pytest.approx(values[-1] / values.mean(), rel=1e-5)
    counts, _ = np.histogram(values, len(group.importance.counts), (0, values[-1]))
    assert list(group.importance.counts) == counts.tolist()


def test_rules_decide_before_the_schedule():
    rules = (Rule("onea", ratio=0.75), Rule("two*", ratio=0, criterion="l1"))
    result = pruned("macs=0.9", rules=rules)
    # `two*` means the joined group of `project` too, since `twob` is in it.
    assert widths(result) == {"stem": 16, "onea": 4, "project": 32, "twoa": 32}
    assert [group.criterion for group in result.groups] == ["l2", "l2", "l1", "l1"]


def test_a_rule_may_go_below_the_least_share_but_leaves_a_filter():
    assert widths(pruned("macs=1", rules=(Rule("onea", ratio=0.99),)))["onea"] == 1


def test_a_rule_may_name_a_criterion_only():
    by_rule = pruned("macs=0.7", criterion="random", rules=(Rule("onea", criterion="l2"),))
    assert {group.group: group.criterion for group in by_rule.groups}["onea"] == "l2"
    plain = pruned("macs=0.7", criterion="l2")
    assert widths(plain) == widths(by_rule)
    for name, same in (("onea", True), ("twoa", False)):
        filters = [result.net.layer(name).weights["weight"] for result in (plain, by_rule)]
        assert np.array_equal(filters[0].sum(axis=(2, 3)).sum(axis=1), filters[1].sum(axis=(2, 3)).sum(axis=1)) == same


def test_rules_for_nothing_and_unknown_names_are_refused():
    with pytest.raises(SettingError, match=r"'fc'.*Those: stem, onea, project, twoa"):
        pruned("0.3", rules=(Rule("fc"),))
    with pytest.raises(UnknownNameError, match="pruning criterion 'l3'"):
        pruned("0.3", criterion="l3")
    with pytest.raises(UnknownNameError, match="pruning criterion 'l3'"):
        pruned("0.3", rules=(Rule("*", criterion="l3"),))
    with pytest.raises(UnknownNameError, match=r"pruning schedule 'unifrom'.*uniform"):
        pruned("0.3", schedule="unifrom")


@pytest.mark.parametrize("budget", ["0.5", "macs=0.4", "macs+params=0.5", "time=0.6"])
def test_steps_end_where_one_shot_does(budget):
    seen = []
    config = PruneConfig(Budget.parse(budget), steps=3)
    stepwise = prune(NET, config, INSTRUMENTS, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    once = pruned(budget)
    for name, units in widths(stepwise).items():
        assert abs(units - widths(once)[name]) <= 1
    assert Budget.parse(budget).target(_cost(budget, NET)) >= _cost(budget, stepwise.net)


def _cost(budget, net):
    if "=" not in budget:
        return sum(net.layer(name).params.num_output for name in INNER | JOINED)
    kind, _, _ = budget.partition("=")
    return {"macs": lambda net: net_cost(net).macs, "macs+params": share, "time": clock}[kind](net)


def test_each_step_measures_anew():
    seen = []

    def gradients(net):
        seen.append(net_cost(net).macs)
        return gradients_for(net, 1)(net)

    config = PruneConfig(Budget.parse("macs=0.5"), criterion="taylor", steps=3)
    prune(NET, config, Instruments(gradients=gradients))
    assert len(seen) == 3
    assert seen[0] == net_cost(NET).macs
    assert seen[0] > seen[1] > seen[2]


def test_rules_and_least_are_shares_of_the_first_net_at_every_step():
    result = pruned("macs=0.15", least=0.2, steps=4, rules=(Rule("onea", ratio=0.5),))
    assert widths(result)["onea"] == 8
    assert widths(result)["twoa"] == 6


def test_groups_of_a_convolution_are_the_same_at_every_step():
    """Left with one channel a group, the convolution is a depthwise one, whose channels could go one by one."""
    net = net_of(
        data(1, 4, 6, 6),
        conv("first", "data", 16),
        conv("grouped", "first", 32, 3, group=8),
        conv("last", "grouped", 4),
    )
    result = pruned("macs=0.3", net=net, steps=3, rules=(Rule("first", ratio=0.5),))
    assert widths(result) == {"first": 1, "grouped": 1}
    assert [group.before for group in result.groups] == [2, 4]
    left = result.net.layer("grouped").params
    assert (left.group, left.num_output) == (8, 8)
    assert result.net.blobs["first"].shape[1] == 8


def test_reconstruction_brings_the_outputs_nearer():
    images = INSTRUMENTS.images
    wanted = NET.forward(images)["fc"]
    errors = [
        np.square(pruned("macs=0.5", reconstruct=each, steps=2).net.forward(images)["fc"] - wanted).sum()
        for each in (False, True)
    ]
    assert errors[1] < errors[0] / 2


def test_what_is_missing_is_named():
    for config, what in (
        ({"reconstruct": True}, "calibration images"),
        ({"criterion": "taylor"}, "gradients on labelled images"),
        ({"schedule": "latency"}, "a clock"),
        ({"schedule": "sensitivity"}, "a score on labelled images"),
    ):
        with pytest.raises(DataError, match=what):
            prune(NET, PruneConfig(Budget.parse("0.3"), **config))
    with pytest.raises(DataError, match="a clock"):
        prune(NET, PruneConfig(Budget.parse("time=0.5")))


def test_values_of_different_layers_are_compared_relative_to_their_mean():
    """A layer whose weights are all a thousand times larger matters no more."""
    expected = widths(pruned("macs=0.7", schedule="global"))
    large = tuple(
        each.replace(weights={**each.weights, "scale": 1000 * each.weights["scale"]})
        if each.name == "onea_scale"
        else each
        for each in NET.layers
    )
    assert widths(pruned("macs=0.7", net=NET.replace(layers=large), schedule="global")) == expected


def test_the_net_that_is_given_stays_and_the_result_is_the_same_again():
    digest = NET.digest
    first, again = (pruned("macs=0.5", criterion="random", reconstruct=True).net for _ in range(2))
    assert NET.digest == digest
    assert first.digest == again.digest != digest
    other = pruned("macs=0.5", criterion="random", seed=1).net
    assert other.digest != pruned("macs=0.5", criterion="random").net.digest


def test_what_is_left_can_be_fused():
    net = pruned("macs=0.5").net
    fused = apply_stages(net, stage_names())
    assert not any(each.type in ("BatchNorm", "Scale") for each in fused.layers)
    for name, array in outputs(net).items():
        # Fusion rounds the weights to f32: five layers of up to 288 terms, measured below 1e-6.
        np.testing.assert_allclose(outputs(fused)[name], array, atol=2e-5)


def test_mixed_channels():
    result = pruned("macs=0.4", net=mixed_net(), least=0.1)
    assert result.after.macs <= 0.4 * result.before.macs
    assert result.net.layer("dw").params.group == 2 * widths(result)["a"]


def test_a_fused_net_is_refused():
    fused = apply_stages(NET, stage_names() + stage_names(POST_FUSION))
    with pytest.raises(UnsupportedError, match="Prune before fusing"):
        pruned("0.3", net=fused)


@pytest.mark.parametrize("axes", list(NAMES), ids=list(NAMES.values()))
@pytest.mark.parametrize("criterion", list(CRITERIA))
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_lines_images_and_volumes(axes, criterion, schedule):
    net = net_over(axes, "normal")
    instruments = Instruments(images_for(net, 3), gradients=gradients_for(net, 2), score=INSTRUMENTS.score, clock=clock)
    config = PruneConfig(Budget.parse("macs=0.6"), criterion, schedule, reconstruct=True)
    result = prune(net, config, instruments)
    assert 0 < result.after.macs <= 0.6 * result.before.macs
    assert {name: array.shape for name, array in outputs(result.net).items()} == {"fc": (2, 3)}


@pytest.mark.parametrize(
    ("name", "group", "filters"), [("halves", "stem", 2), ("halves", "a#1", 1), ("residual", "a", 1)]
)
def test_filters_are_counted_beside_units(name, group, filters):
    result = prune(net_over(2, name), PruneConfig(Budget.parse("0.4")))
    (found,) = (each for each in result.groups if each.group == group)
    assert (found.filters_before, found.filters_after) == (filters * found.before, filters * found.after)
    if name == "halves" and group == "stem":
        assert result.net.layer("stem").params.num_output == found.filters_after < 12


def locked_net():
    """Return a net of which nothing can go: LRN across channels, then the output."""
    return net_of(data(2, 3, 4, 4), conv("a", "data", 8), layer("LRN", "norm", ["a"]), conv("last", "norm", 2))


@pytest.mark.parametrize("budget", ["0.5", "macs=0.5", "macs=10", "time=0.5"])
def test_where_nothing_can_go_it_is_an_error_that_says_why(budget):
    with pytest.raises(BudgetError, match=r"all 8 filters of 'a' \(Convolution\) stay: 'norm' \(LRN\) sums") as caught:
        pruned(budget, locked_net())
    assert [each.layer for each in caught.value.locked] == ["a", "last"]


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("budget", ["0", "macs=1", "macs=1G"])
def test_a_net_of_which_nothing_can_go_meets_a_budget_of_all(budget, steps):
    result = pruned(budget, locked_net(), steps=steps)
    assert result.groups == ()
    assert [each.layer for each in result.locked] == ["a", "last"]


def test_a_budget_that_cannot_be_met_names_what_is_locked():
    with pytest.raises(BudgetError, match=r"at its narrowest.*'fc' \(InnerProduct\) stay: 'prob' \(Softmax\)"):
        pruned("macs=1e-6")


def test_a_ratio_of_less_than_a_filter_is_an_error():
    with pytest.raises(BudgetError, match="less than a filter"):
        pruned("filters=1", rules=(Rule("onea", ratio=0.01),), reconstruct=True)


def test_a_rule_for_a_locked_layer_says_what_locks_it():
    with pytest.raises(BudgetError, match=r"is called 'fc'; all 5 filters of 'fc' .* stay: 'prob' .*Those: stem, onea"):
        pruned("0.5", rules=(Rule("fc", ratio=0.5),))


@pytest.mark.parametrize("axes", list(NAMES), ids=list(NAMES.values()))
@pytest.mark.parametrize("name", ["halves", "shuffled", "laid out", "depthwise deconvolution", "grouped deconvolution"])
@pytest.mark.parametrize("criterion", ["l2", "geometric-median", "activation", "reconstruction", "taylor", "obd"])
def test_parts_dealt_out_and_spread_channels(axes, name, criterion):
    net = net_over(axes, name)
    instruments = Instruments(images_for(net, 3), gradients=lambda left: gradients_for(left, 2)(left))
    result = prune(net, PruneConfig(Budget.parse("0.3"), criterion, "global", steps=2, reconstruct=True), instruments)
    verify(result.net)
    before, after = (sum(each) for each in zip(*((g.before, g.after) for g in result.groups), strict=True))
    assert after <= 0.7 * before
    assert {name: array.shape for name, array in outputs(result.net).items()} == {"fc": (2, 3)}


def test_layers_that_read_8_bit_integers_are_refused():
    layers = [each.replace(quantized=(Quantized(0.1),)) if each.name == "fc" else each for each in NET.layers]
    with pytest.raises(UnsupportedError, match=r"layer 'fc' .*pruning does not take a layer that reads 8-bit integers"):
        pruned("0.3", net=NET.replace(layers=tuple(layers)))
