"""What is said of importance: shares of what is lost, and nothing of figures that are not finite."""

import numpy as np
import pytest

from xdn.optimize.prune.importance import BARS, importance_of


def test_the_share_is_that_of_the_criterions_losses():
    values = np.array([3.0, 0.0, 1.0])
    found = importance_of(values, np.array([0.0, 0.0, 1.0, 8.0]), 2)
    assert (found.most, found.gone) == (3.0, 0.125)
    assert found.counts[0] == found.counts[BARS // 3] == found.counts[-1] == 1


@pytest.mark.parametrize("went", [0, 2])
def test_units_that_do_not_matter(went):
    found = importance_of(np.zeros(2), np.zeros(3), went)
    assert (found.most, found.gone, found.counts[0]) == (0.0, 0.0, 2)


def test_figures_that_are_not_finite():
    assert importance_of(np.array([1.0, np.inf]), np.zeros(3), 1) is None
