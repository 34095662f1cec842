"""RNN against PyTorch, and against Caffe's loop where sequences end anywhere."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_layer, normal
from tests.layers.sequences import CASES, case_bottoms, rnn_loop, small_weights
from tests.pytorch import torch
from xdn.graph import Blob
from xdn.layers.rnn import RNN

#: Roundings of a step are passed on to those after it; states stay below 1.
ROUNDINGS = 20 * FEW


@pytest.mark.parametrize(("shape", "units"), [((1, 1, 1), 1), ((9, 3, 5), 4), ((20, 2, 33), 17)])
def test_one_sequence_is_pytorchs(rng, shape, units):
    params = RNN(num_output=units)
    bottoms = [normal(rng, *shape), np.ones(shape[:2], np.float32)]
    weights = small_weights(params, bottoms, rng)
    made = torch.nn.RNN(shape[2], units)
    with torch.no_grad():
        made.weight_ih_l0.copy_(torch.from_numpy(weights["input.weight"]))
        made.weight_hh_l0.copy_(torch.from_numpy(weights["hidden.weight"]))
        made.bias_ih_l0.copy_(torch.from_numpy(weights["input.bias"]))
        made.bias_hh_l0.zero_()
        hidden = made(torch.from_numpy(bottoms[0]))[0]
        output = (torch.from_numpy(weights[f"output.{name}"]) for name in ("weight", "bias"))
        expected = torch.nn.functional.linear(hidden, *output).tanh().numpy()
    check_layer(params, bottoms, expected, weights=weights, roundings=ROUNDINGS, magnitude=1)


@pytest.mark.parametrize(("x", "units", "static", "exposed"), CASES)
def test_sequences_that_end_anywhere(rng, x, units, static, exposed):
    bottoms, more = case_bottoms(rng, x, units, static, exposed, 1)
    params = RNN(num_output=units, expose_hidden=exposed)
    weights = small_weights(params, bottoms, rng)
    out, last = rnn_loop(*bottoms[:2], weights, **more)
    expected = (out, last[None]) if exposed else out
    check_layer(params, bottoms, expected, weights=weights, roundings=ROUNDINGS, magnitude=1)


def test_weights_in_the_order_of_the_unrolled_net():
    """W_xh, b_h, W_xh_static, W_hh, W_ho, b_o."""
    shapes = RNN(num_output=3).weight_shapes([Blob((4, 2, 5)), Blob((4, 2)), Blob((2, 7))])
    wanted = {"input.weight": (3, 5), "input.bias": (3,), "static.weight": (3, 7), "hidden.weight": (3, 3)}
    assert list(shapes.items()) == list((wanted | {"output.weight": (3, 3), "output.bias": (3,)}).items())
