"""Embed in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_values
from xdn.layers.embed import Embed


@pytest.mark.parametrize("bias_term", [False, True])
@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_embed(shape, bias_term):
    check_layer(Embed(num_output=5, input_dim=7, bias_term=bias_term), shape)
    numbers = np.random.default_rng(0).integers(0, 7, shape).astype(np.float32)
    check_values(Embed(num_output=5, input_dim=7, bias_term=bias_term), numbers)


def test_numbers_outside_of_the_range_give_the_nearest_row():
    numbers = np.array([-1e30, -1, -0.5, 0.5, 6.5, 7, 1e30, np.inf, -np.inf, np.nan], np.float32)
    check_values(Embed(num_output=5, input_dim=7), numbers)
