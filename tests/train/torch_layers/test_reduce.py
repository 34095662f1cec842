"""Reduction in PyTorch."""

import pytest

from tests.train.checks import check_gradients, check_layer
from xdn.layers.reduction import Reduction


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
@pytest.mark.parametrize("coeff", [1.0, -0.5])
def test_reduction(operation, axis, coeff):
    params = Reduction(operation=operation, axis=axis, coeff=coeff)
    check_layer(params, (2, 3, 4, 5))
    check_gradients(params, (2, 3, 4, 5))
