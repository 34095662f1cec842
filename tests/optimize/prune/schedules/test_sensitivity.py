"""Groups give up the same score, on scores that are known."""

import numpy as np
import pytest

from tests.optimize.prune.nets import mixed_net, small_resnet
from tests.optimize.prune.schedules.problems import check_widest, full, problem_of
from xdn.errors import DataError
from xdn.optimize.prune.schedule import widths_of
from xdn.optimize.prune.schedules.sensitivity import sensitivity

#: How much of the score a group of the mixed net loses with all its filters, at an even rate.
SLOPES = {"grouped": 0.8, "side": 0.2}


def score(net):
    """Return 1 less what the layers have lost of their filters, each at its rate."""
    whole = {"grouped": 12, "side": 6}
    return 1 - sum(SLOPES[name] * (1 - net.layer(name).params.num_output / n) for name, n in whole.items())


def test_all_groups_give_up_the_same():
    problem = problem_of(mixed_net(), least=0.01, score=score)
    at = sensitivity(problem)
    assert at(0) == full(problem)
    assert at(1) == {"a": 1, "grouped": 1, "side": 1, "hidden": 1}
    # `grouped` loses 0.8 * (1 - 1 / 6) = 2 / 3 at most. A fifth of that and of the slope: 1 / 6 of grouped is about
    # one unit, 2 / 3 of side four; the groups that lose nothing are at their end.
    assert at(0.2) == {"a": 1, "grouped": 5, "side": 2, "hidden": 1}


def test_where_nothing_is_lost_groups_go_alike_and_gradually():
    problem = problem_of(mixed_net(), least=0.01, score=lambda net: 0.75)
    at = sensitivity(problem)
    assert at(0) == full(problem)
    for strength in (0.25, 0.5, 0.75):
        shares = [units / full(problem)[name] for name, units in at(strength).items()]
        # One unit of the smallest group is a quarter of it, and each ends with one unit.
        assert max(shares) - min(shares) <= 0.25
        assert np.mean(shares) == pytest.approx(1 - strength, abs=0.2)


def test_a_score_that_rises_again_allows_no_more():
    """The score at half of `hidden` is worse than at a quarter: a quarter costs as much as the half."""
    scores = {10: 1.0, 8: 1.0, 5: 0.5, 2: 0.9, 1: 0.9}
    problem = problem_of(mixed_net(), least=0.01, score=lambda net: scores[net.layer("hidden").params.num_output])
    at = sensitivity(problem)
    assert at(0.5)["hidden"] > 5
    assert at(0.98)["hidden"] >= 5


@pytest.mark.parametrize("share", [0.95, 0.7, 0.2])
@pytest.mark.parametrize(
    ("net", "score"),
    [(mixed_net(), score), (small_resnet(width=16), lambda net: -1 / net.layer("twoa").params.num_output)],
    ids=["mixed", "residual"],
)
def test_as_wide_as_the_budget_allows(net, score, share):
    check_widest(sensitivity, problem_of(net, share=share, score=score))


def test_nothing_is_measured_that_is_not_needed():
    measured = []

    def counted(net):
        measured.append(net)
        return 1.0

    net = small_resnet(width=16)
    widths_of(sensitivity, problem_of(net, score=counted))
    assert not measured
    # What both inner groups can give is not enough: how they bear it need not be known.
    problem = problem_of(net, share=0.15, score=counted)
    widths_of(sensitivity, problem)
    assert all(each.layer("onea").params.num_output == 16 for each in measured)
    assert measured


def test_needs_a_score():
    with pytest.raises(DataError, match="a score on labelled images"):
        widths_of(sensitivity, problem_of(mixed_net(), share=0.5))
