"""What recurrent layers share: which bottoms they take, and what they say of themselves."""

import numpy as np
import pytest

from tests.layers.oracles import normal
from tests.layers.sequences import small_weights
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.gru import GRU
from xdn.layers.lstm import LSTM
from xdn.layers.recurrent import sigmoid
from xdn.layers.rnn import RNN

BOTH = pytest.mark.parametrize("kind", [LSTM, RNN])
EVERY = pytest.mark.parametrize("kind", [LSTM, RNN, GRU])


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise"):
        values = sigmoid(np, np.array([-1e30, -80, 0, 2, 1e30], np.float32))
    np.testing.assert_allclose(values, [0, 0, 0.5, 1 / (1 + np.exp(-2)), 1], atol=1e-7)


@BOTH
@pytest.mark.parametrize(
    ("fields", "shapes", "n_tops", "message"),
    [
        ({"num_output": 3}, [(4, 2, 5)], 1, "an indicator"),
        ({"num_output": 3}, [(4, 2, 5), (4, 2), (2, 3), (1, 2, 3)], 1, "an indicator"),
        ({"num_output": 3}, [(4, 2), (4, 2)], 1, r"\(T, N, ...\)"),
        ({"num_output": 3}, [(4, 2, 5), (4, 1)], 1, r"it is \(4, 2\)"),
        ({"num_output": 3}, [(4, 2, 5), (4, 2, 1)], 1, r"it is \(4, 2\)"),
        ({"num_output": 3}, [(4, 2, 5), (4, 2), (2,)], 1, "static input"),
        ({"num_output": 3}, [(4, 2, 5), (4, 2), (3, 4)], 1, "static input"),
        ({"num_output": 3}, [(4, 2, 5), (4, 2)], 2, "1"),
        ({}, [(4, 2, 5), (4, 2)], 1, "num_output is 0"),
        ({"num_output": 1 << 31}, [(4, 2, 5), (4, 2)], 1, "more than"),
        ({"num_output": 3, "expose_hidden": True}, [(4, 2, 5), (4, 2)], 1, "the states h"),
    ],
)
def test_what_does_not_fit_is_refused(kind, fields, shapes, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        kind(**fields).infer([Blob(shape) for shape in shapes], n_tops)


@pytest.mark.parametrize(("kind", "states"), [(LSTM, 2), (RNN, 1)])
def test_exposed_states_have_shapes_of_their_own(kind, states):
    params = kind(num_output=3, expose_hidden=True)
    bottoms = [Blob((4, 2, 5)), Blob((4, 2)), *[Blob((1, 2, 3))] * states]
    assert params.infer(bottoms, 1 + states) == (Blob((4, 2, 3)), *[Blob((1, 2, 3))] * states)
    with pytest.raises(ShapeError, match=r"they are \(1, 2, 3\)"):
        params.infer([*bottoms[:-1], Blob((2, 3))], 1 + states)
    with pytest.raises(ShapeError, match=f"1 tops; with states.* it is {1 + states}"):
        params.infer(bottoms, 1)


@EVERY
@pytest.mark.parametrize("fields", [{}, {"default_initial": True}])
def test_all_steps_go_on(rng, kind, fields):
    """As with an indicator of ones, and states of zeros."""
    x, told = normal(rng, 4, 2, 5), kind(num_output=3, expose_hidden=True)
    bottoms = [x, np.ones((4, 2), np.float32), *[np.zeros((1, 2, 3), np.float32)] * len(told.states)]
    weights = small_weights(told, bottoms, rng)
    expected = told.reference(bottoms, weights, 1 + len(told.states))
    params = kind(num_output=3, continue_recur=True, **fields)
    assert (params.states_given, params.states_shown) == (0, len(told.states) if fields else 0)
    found = params.reference([x], weights, 1 + params.states_shown)
    assert [blob.shape for blob in params.infer([Blob(x.shape)], len(found))] == [top.shape for top in found]
    for top, wanted in zip(found, expected, strict=False):
        np.testing.assert_array_equal(top, wanted)


@pytest.mark.parametrize(("kind", "gates"), [(LSTM, 4), (RNN, 1)])
def test_multiply_adds(kind, gates):
    params = kind(num_output=3)
    bottoms = [Blob((4, 2, 5)), Blob((4, 2)), Blob((2, 7))]
    outputs = 0 if kind is LSTM else 9
    assert params.macs(bottoms, params.infer(bottoms, 1)) == 2 * (4 * (gates * 3 * (5 + 3) + outputs) + gates * 3 * 7)


@BOTH
def test_steps_and_streams(rng, kind):
    """A step depends on those before it; streams are apart, so that axis 1 is none of channels that mix."""
    params, x = kind(num_output=3), normal(rng, 5, 2, 4)
    bottoms = [x, np.ones((5, 2), np.float32)]
    assert params.joins_images([Blob(b.shape) for b in bottoms])
    weights = small_weights(params, bottoms, rng)
    (before,) = params.reference(bottoms, weights, 1)
    x = x.copy()
    x[2, 1] += 1
    (after,) = params.reference([x, bottoms[1]], weights, 1)
    changed = (before != after).any(axis=2)
    assert changed.tolist() == [[False, t >= 2] for t in range(5)]


@BOTH
def test_streams_are_not_channels(kind):
    params = kind(num_output=3)
    assert params.channel_rule_for([Blob((5, 2, 4)), Blob((5, 2))]) is ChannelRule.FIXED
    assert "streams" in params.why_fixed([])
