"""GRU against PyTorch, and against the fork's loop where sequences end anywhere."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_layer, normal
from tests.layers.sequences import CASES, case_bottoms, gru_loop, small_weights
from tests.pytorch import torch
from xdn.graph import Blob
from xdn.layers.gru import GRU

#: Roundings of a step are passed on to those after it; states stay below 1.
ROUNDINGS = 20 * FEW


@pytest.mark.parametrize(("shape", "units"), [((1, 1, 1), 1), ((9, 3, 5), 4), ((20, 2, 33), 17)])
def test_one_sequence_is_pytorchs(rng, shape, units):
    """PyTorch's gates are r, z, n, and its product is reset."""
    params, x = GRU(num_output=units, linear_before_reset=1, continue_recur=True), normal(rng, *shape)
    weights = small_weights(params, [x], rng)
    order = np.concatenate([np.arange(units) + gate * units for gate in (1, 0, 2)])
    hidden = np.concatenate([weights[f"hidden.{gate}"] for gate in "rzn"])
    made = torch.nn.GRU(shape[2], units)
    with torch.no_grad():
        made.weight_ih_l0.copy_(torch.from_numpy(weights["input.weight"][order]))
        made.weight_hh_l0.copy_(torch.from_numpy(hidden))
        made.bias_ih_l0.copy_(torch.from_numpy(weights["input.bias"][order]))
        made.bias_hh_l0.zero_()
        made.bias_hh_l0[2 * units :] = torch.from_numpy(weights["hidden.bias"])
        expected = made(torch.from_numpy(x))[0].numpy()
    check_layer(params, [x], expected, weights=weights, roundings=ROUNDINGS, magnitude=1)


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(("x", "units", "static", "exposed"), CASES)
def test_sequences_that_end_anywhere(rng, x, units, static, exposed, after):
    bottoms, more = case_bottoms(rng, x, units, static, exposed, 1)
    params = GRU(num_output=units, expose_hidden=exposed, linear_before_reset=after)
    weights = small_weights(params, bottoms, rng)
    out, last = gru_loop(*bottoms[:2], weights, **more)
    expected = (out, last[None]) if exposed else out
    check_layer(params, bottoms, expected, weights=weights, roundings=ROUNDINGS, magnitude=1)


@pytest.mark.parametrize(("after", "more"), [(0, {}), (1, {"hidden.bias": (3,)})])
def test_weights_in_the_order_of_the_unrolled_net(after, more):
    """W_xc, b_c, W_xc_static, R_z, R_r, R_h, Rb_h."""
    params = GRU(num_output=3, linear_before_reset=after)
    shapes = params.weight_shapes([Blob((4, 2, 5, 2)), Blob((4, 2)), Blob((2, 7))])
    wanted = {"input.weight": (9, 10), "input.bias": (9,), "static.weight": (9, 7)}
    wanted |= {f"hidden.{gate}": (3, 3) for gate in "zrn"} | more
    assert list(shapes.items()) == list(wanted.items())
