"""LSTM and Lstm against PyTorch, and against Caffe's loop where sequences end anywhere."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_layer, normal
from tests.layers.sequences import CASES, case_bottoms, indicator, lstm_loop, small_weights
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.lstm import LSTM, Lstm

#: Roundings of a step are passed on to those after it; states stay below 1 or grow by 1 a step.
ROUNDINGS = 20 * FEW


def torch_lstm(x, weights, units, start=None):
    """Return (h of all steps, h, c) of PyTorch's LSTM, whose gates are i, f, g, o."""
    order = np.concatenate([np.arange(units) + gate * units for gate in (0, 1, 3, 2)])
    made = torch.nn.LSTM(x.shape[2], units)
    with torch.no_grad():
        made.weight_ih_l0.copy_(torch.from_numpy(weights["input.weight"][order]))
        made.weight_hh_l0.copy_(torch.from_numpy(weights["hidden.weight"][order]))
        made.bias_ih_l0.copy_(torch.from_numpy(weights["input.bias"][order]))
        made.bias_hh_l0.zero_()
        out, (h, c) = made(torch.from_numpy(x), start and tuple(torch.from_numpy(state) for state in start))
    return out.numpy(), h.numpy(), c.numpy()


@pytest.mark.parametrize("exposed", [False, True])
@pytest.mark.parametrize(("shape", "units"), [((1, 1, 1), 1), ((9, 3, 5), 4), ((20, 2, 33), 17)])
def test_one_sequence_is_pytorchs(rng, shape, units, exposed):
    params = LSTM(num_output=units, expose_hidden=exposed)
    start = [normal(rng, 1, shape[1], units) for _ in range(2)] if exposed else []
    bottoms = [normal(rng, *shape), np.ones(shape[:2], np.float32), *start]
    weights = small_weights(params, bottoms, rng)
    expected = torch_lstm(bottoms[0], weights, units, start or None)
    check_layer(
        params, bottoms, expected if exposed else expected[0], weights=weights, roundings=ROUNDINGS, magnitude=1
    )


@pytest.mark.parametrize(("x", "units", "static", "exposed"), CASES)
def test_sequences_that_end_anywhere(rng, x, units, static, exposed):
    bottoms, more = case_bottoms(rng, x, units, static, exposed, 2)
    params = LSTM(num_output=units, expose_hidden=exposed)
    weights = small_weights(params, bottoms, rng)
    out, *last = lstm_loop(*bottoms[:2], weights, **more)
    expected = (out, *(state[None] for state in last)) if exposed else out
    check_layer(params, bottoms, expected, weights=weights, roundings=ROUNDINGS, magnitude=1)


def test_an_indicator_may_be_any_number(rng):
    bottoms = [normal(rng, 6, 2, 3), rng.uniform(-1, 1, (6, 2)).astype(np.float32)]
    params = LSTM(num_output=4)
    weights = small_weights(params, bottoms, rng)
    out, *_ = lstm_loop(*bottoms, weights)
    check_layer(params, bottoms, out, weights=weights, roundings=ROUNDINGS, magnitude=1)


def test_weights_in_the_order_of_the_unrolled_net():
    """W_xc, b_c, W_xc_static, W_hc: a net's parameters are numbered in the order in which its layers name them."""
    shapes = LSTM(num_output=3).weight_shapes([Blob((4, 2, 5, 2)), Blob((4, 2)), Blob((2, 7))])
    wanted = {"input.weight": (12, 10), "input.bias": (12,), "static.weight": (12, 7), "hidden.weight": (12, 3)}
    assert list(shapes.items()) == list(wanted.items())
    assert list(LSTM(num_output=3).weight_shapes([Blob((4, 2, 5)), Blob((4, 2))])) == [
        *("input.weight", "input.bias", "hidden.weight"),
    ]


@pytest.mark.parametrize(("x", "fields"), [((9, 2, 5), {}), ((9, 2, 5), {"batch_size": 2}), ((9, 5), {})])
def test_the_forks_lstm_without_a_second_bottom_is_one_sequence(rng, x, fields):
    params, bottoms = Lstm(num_output=4, **fields), [normal(rng, *x)]
    weights = small_weights(params, bottoms, rng)
    steps = bottoms[0].reshape(9, -1, 5)
    out, *_ = torch_lstm(steps, weights, 4)
    check_layer(params, bottoms, out.reshape(*x[:-1], 4), weights=weights, roundings=ROUNDINGS, magnitude=1)


@pytest.mark.parametrize("shape", [(8, 6), (8, 3, 2, 1)])
def test_steps_and_streams_on_one_axis(rng, shape):
    params, x = Lstm(num_output=4, batch_size=2), normal(rng, *shape)
    weights = small_weights(params, [x], rng)
    out, *_ = lstm_loop(x.reshape(4, 2, 6), np.ones((4, 2)), weights)
    check_layer(params, [x], out.reshape(8, 4), weights=weights, roundings=ROUNDINGS, magnitude=1)


@pytest.mark.parametrize("apart", [False, True])
def test_the_forks_second_bottom(rng, apart):
    """Of 0 and 1 both forks make the same; of other numbers junhyukoh's makes factors of h, the others make 1."""
    x, kept = normal(rng, 6, 2, 3), indicator(rng, 6, 2)
    kept[3, 1] = 0.5
    bottoms = [x if apart else x.reshape(12, 3), kept if apart else kept.reshape(12, 1)]
    params = Lstm(num_output=4, batch_size=None if apart else 2)
    weights = small_weights(params, bottoms, rng)
    if apart:
        out, *_ = lstm_loop(x, kept != 0, weights)
    else:
        # As the loop, but that the cell is kept whole.
        out, h, c = lstm_loop(x[:3], kept[:3], weights)
        halved = [state.astype(np.float32) for state in (h * kept[3, :, None], c * (kept[3, :, None] != 0))]
        rest, *_ = lstm_loop(x[3:], np.vstack([np.ones((1, 2)), kept[4:]]), weights, start=halved)
        out = np.concatenate([out, rest])
    expected = out if apart else out.reshape(12, 4)
    check_layer(params, bottoms, expected, weights=weights, roundings=ROUNDINGS, magnitude=1)


def test_weights_of_the_forks():
    shapes = Lstm(num_output=3).weight_shapes([Blob((4, 2, 5))])
    wanted = {"input.weight": (12, 5), "hidden.weight": (12, 3), "input.bias": (12,)}
    assert list(shapes.items()) == list(wanted.items())
    assert Lstm(num_output=3, batch_size=2).weight_shapes([Blob((4, 5, 2, 1))])["input.weight"] == (12, 10)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({"num_output": 3, "batch_size": 3}, [(4, 5)], "by batch_size 3"),
        ({"num_output": 3, "batch_size": 0}, [(4, 5)], "by batch_size 0"),
        ({}, [(4, 2, 5)], "num_output is 0"),
        ({"num_output": 1 << 31}, [(4, 2, 5)], "more than"),
        ({"num_output": 3}, [], "it takes"),
        ({"num_output": 3}, [(4, 2, 5), (4, 1)], "8 numbers are needed"),
        ({"num_output": 3}, [(4, 2, 5), (4, 2), (4, 2)], "it takes"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Lstm(**fields).infer([Blob(shape) for shape in shapes], 1)


def test_what_two_forks_read_in_two_ways_is_refused():
    with pytest.raises(UnsupportedError, match=r"junhyukoh.*caffe_ocr") as caught:
        Lstm(num_output=3, batch_size=2).infer([Blob((4, 3, 5))], 1)
    assert "batch_size" in caught.value.mend
