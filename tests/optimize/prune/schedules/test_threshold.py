"""One threshold for all groups, on importances that are known."""

from dataclasses import replace

import numpy as np
import pytest

from tests.optimize.prune.nets import mixed_net, small_resnet
from tests.optimize.prune.schedules.problems import check_widest, problem_of
from xdn.optimize.prune.schedule import widths_of
from xdn.optimize.prune.schedules.threshold import global_threshold

IMPORTANCE = {
    "a": np.array([8.0, 9, 10, 11]),
    "grouped": np.array([1.0, 20, 2, 21, 3, 22]),
    "side": np.array([4.0, 5, 6, 7, 30, 31]),
    "hidden": np.arange(40.0, 50),
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (25, {"a": 4, "grouped": 5, "side": 6, "hidden": 10}),
        (23, {"a": 4, "grouped": 3, "side": 6, "hidden": 10}),
        (20, {"a": 4, "grouped": 3, "side": 3, "hidden": 10}),
        # Two of `side` stay in any case; the next are those of `a`.
        (17, {"a": 2, "grouped": 3, "side": 2, "hidden": 10}),
    ],
)
def test_the_least_important_go_wherever_they_are(filters, expected):
    problem = problem_of(
        mixed_net(), importance=IMPORTANCE, least=1 / 3, cost=lambda widths: 26 - sum(_lost(widths).values())
    )
    assert widths_of(global_threshold, replace(problem, target=filters)) == expected


def _lost(widths):
    return {name: len(IMPORTANCE[name]) - units for name, units in widths.items()}


@pytest.mark.parametrize("share", [0.95, 0.7, 0.2])
@pytest.mark.parametrize("net", [mixed_net(), small_resnet(width=16)], ids=["mixed", "residual"])
def test_as_wide_as_the_budget_allows(net, share):
    check_widest(global_threshold, problem_of(net, share=share))
