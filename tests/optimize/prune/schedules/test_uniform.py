"""The same share of every group."""

import pytest

from tests.optimize.prune.nets import mixed_net, small_resnet
from tests.optimize.prune.schedules.problems import check_widest, problem_of
from xdn.optimize.prune.schedules.uniform import uniform


def test_the_path_keeps_one_share_of_all():
    problem = problem_of(mixed_net(), least=0.1)
    at = uniform(problem)
    assert at(0) == {"a": 4, "grouped": 6, "side": 6, "hidden": 10}
    assert at(0.5) == {"a": 2, "grouped": 3, "side": 3, "hidden": 5}
    assert at(1) == {"a": 1, "grouped": 1, "side": 1, "hidden": 1}


@pytest.mark.parametrize("share", [0.95, 0.7, 0.2])
@pytest.mark.parametrize("net", [mixed_net(), small_resnet(width=16)], ids=["mixed", "residual"])
def test_as_wide_as_the_budget_allows(net, share):
    check_widest(uniform, problem_of(net, share=share))
