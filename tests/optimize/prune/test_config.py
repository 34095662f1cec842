"""Budgets, rules and configurations: every form, and what is wrong with the others."""

import numpy as np
import pytest

from xdn.errors import SettingError
from xdn.optimize.prune.channels import Group
from xdn.optimize.prune.config import Budget, PruneConfig, Rule

GROUP = Group("s1/conv1", np.arange(3), ("s1/conv1", "s1/conv2"), (), False)


@pytest.mark.parametrize(
    ("text", "kind", "amount", "absolute"),
    [
        ("0.3", "filters", 0.7, False),
        (" 0.3 ", "filters", 0.7, False),
        (".25", "filters", 0.75, False),
        ("0", "filters", 1, False),
        ("filters=0.6", "filters", 0.6, False),
        ("macs=0.45", "macs", 0.45, False),
        ("macs=1", "macs", 1, False),
        ("macs=35000000", "macs", 35e6, True),
        ("macs=35M", "macs", 35e6, True),
        ("macs=0.5K", "macs", 500, True),
        ("macs=1.5G", "macs", 1.5e9, True),
        ("macs=3.5e7", "macs", 35e6, True),
        ("params=0.5", "params", 0.5, False),
        ("params=4M", "params", 4e6, True),
        ("macs+params=0.6", "macs+params", 0.6, False),
        ("time=0.5", "time", 0.5, False),
        ("time=300us", "time", 300e-6, True),
        ("time=0.3ms", "time", 300e-6, True),
        ("time=2s", "time", 2, True),
    ],
)
def test_forms_of_a_budget(text, kind, amount, absolute):
    budget = Budget.parse(text)
    assert (budget.kind, budget.absolute) == (kind, absolute)
    assert budget.amount == pytest.approx(amount)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    "text",
    [
        "",
        "much",
        "-0.1",
        "macs",
        "macs=",
        "mac=0.5",
        "30%",
        "0.3M",
        "macs=3ms",
        "time=3M",
        "params=3us",
        "macs+params=3M",
        "1,5",
        pytest.param("1" * 200_000 + "x", id="digits"),
    ],
)
def test_other_texts_are_not_budgets(text):
    with pytest.raises(SettingError, match=r"not a pruning budget.*macs=0\.45.*\.prototxt"):
        Budget.parse(text)


@pytest.mark.parametrize(
    "text", ["1", "1.5", "filters=0", "filters=2", "macs=0", "macs=0M", "macs+params=2", "time=0", "time=1.5"]
)
def test_a_budget_leaves_something_and_no_more_than_all(text):
    with pytest.raises(SettingError, match="more than 0, and 1 at most"):
        Budget.parse(text)


def test_the_target_is_a_share_or_what_it_says():
    assert Budget.parse("macs=0.25").target(80) == 20
    assert Budget.parse("macs=35").target(80) == 35
    assert Budget.parse("0.25").target(80) == 60


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [("s1/conv1", True), ("s1/conv2", True), ("s?/conv[12]", True), ("*", True), ("conv1", False), ("S1/conv1", False)],
)
def test_a_rule_holds_for_any_of_the_layers(pattern, meant):
    assert Rule(pattern).holds_for(GROUP) == meant


def test_the_first_rule_that_holds_is_followed():
    rules = (Rule("other", ratio=0.9), Rule("s1/*", criterion="l1"), Rule("*", ratio=0.5))
    config = PruneConfig(Budget.parse("0.3"), rules=rules)
    assert config.rule(GROUP) is rules[1]
    assert PruneConfig(Budget.parse("0.3")).rule(GROUP) == Rule("s1/conv1")


@pytest.mark.parametrize("ratio", [-0.1, 1, 2])
def test_a_ratio_is_a_share(ratio):
    with pytest.raises(SettingError, match=r"ratio .* of 'x' is not in \[0, 1\)"):
        Rule("x", ratio=ratio)


@pytest.mark.parametrize("wrong", [{"least": 0}, {"least": 1.5}, {"steps": 0}, {"images": 0}])
def test_settings_that_cannot_be(wrong):
    (name,) = wrong
    with pytest.raises(SettingError, match=name):
        PruneConfig(Budget.parse("0.3"), **wrong)
