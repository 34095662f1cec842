"""Embed in PyTorch."""

import numpy as np
import pytest

from tests.train.checks import check_layer, check_values, gradients
from xdn.layers.embed import Embed


@pytest.mark.parametrize("bias_term", [False, True])
@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_embed(shape, bias_term):
    params = Embed(num_output=5, input_dim=7, bias_term=bias_term)
    check_layer(params, shape)
    check_values(params, np.random.default_rng(0).integers(0, 7, shape).astype(np.float32))


def test_numbers_outside_of_the_range_give_the_nearest_row():
    numbers = np.array([-1e30, -1, -0.5, 0.5, 6.5, 7, 1e30, np.inf, -np.inf, np.nan], np.float32)
    check_values(Embed(num_output=5, input_dim=7), numbers)


def test_the_rows_that_are_read_have_the_gradient():
    by_numbers, by_weight, by_bias = gradients(Embed(num_output=5, input_dim=4), np.array([2.0, 0.0, 2.0], np.float32))
    assert by_numbers is None
    assert by_weight.any(1).tolist() == [True, False, True, False]
    assert by_bias.all()
