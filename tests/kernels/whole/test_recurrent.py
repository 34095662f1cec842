"""Sequences in machine code against the references."""

from functools import partial
from itertools import product

import numpy as np
import pytest

from tests.kernels.checks import LANES
from tests.layers.oracles import FEW
from tests.layers.sequences import CASES, case_bottoms, indicator, small_weights
from xdn.graph import Layer, Net
from xdn.kernels.whole import layers
from xdn.kernels.whole.layers import compute_whole
from xdn.layers.gru import GRU
from xdn.layers.input import Input
from xdn.layers.lstm import LSTM, Lstm
from xdn.layers.rnn import RNN
from xdn.runtime.cpu.executor import Executor
from xdn.runtime.session import Session

#: Roundings of a step are passed on to those after it; states stay below 1 or grow by 1 a step.
TOLERANCE = 20 * FEW * np.finfo(np.float32).eps

KINDS = pytest.mark.parametrize(
    ("kind", "states"), [(LSTM, 2), (RNN, 1), (GRU, 1), (partial(GRU, linear_before_reset=1), 1)]
)


def layer_of(params, bottoms, rng):
    """Return a layer of its own with small weights."""
    states = len(params.states) if getattr(params, "expose_hidden", False) else 0
    names, tops = [f"x{i}" for i in range(len(bottoms))], [f"y{i}" for i in range(1 + states)]
    return Layer("l", params, tuple(names), tuple(tops), small_weights(params, bottoms, rng))


def check(params, bottoms, rng):
    """Assert that machine code gives what the reference does."""
    layer = layer_of(params, bottoms, rng)
    for found, expected in zip(compute_whole(layer, bottoms), layer.forward(bottoms), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@KINDS
@pytest.mark.parametrize(("x", "units", "static", "exposed"), CASES)
def test_all_bottoms(rng, kind, states, x, units, static, exposed):
    bottoms, _ = case_bottoms(rng, x, units, static, exposed, states)
    check(kind(num_output=units, expose_hidden=exposed), bottoms, rng)


@pytest.mark.parametrize(
    ("kind", "streams"),
    [*product((LSTM, RNN), (1, 2, 3, 6, 7, 8, 13, 32)), *product((GRU, partial(GRU, linear_before_reset=1)), (7, 13))],
)
def test_any_number_of_streams(rng, kind, streams):
    bottoms = [rng.standard_normal((5, streams, 3), np.float32), indicator(rng, 5, streams)]
    check(kind(num_output=LANES + 1), bottoms, rng)


@KINDS
@pytest.mark.parametrize("units", [1, LANES - 1, LANES, 4 * LANES, 5 * LANES + 2])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_any_number_of_units(rng, kind, states, steps, units):
    bottoms, _ = case_bottoms(rng, (steps, 2, 3), units, None, True, states)
    check(kind(num_output=units, expose_hidden=True), bottoms, rng)


@pytest.mark.parametrize(
    ("fields", "x", "kept"), [({}, (6, 2, 3), ()), ({}, (6, 2, 3), (6, 2)), ({"batch_size": 2}, (12, 3), (12, 1))]
)
def test_the_forks_lstm(rng, fields, x, kept):
    bottoms = [rng.standard_normal(x, np.float32)]
    bottoms += [rng.uniform(-1, 1, kept).astype(np.float32) * indicator(rng, *kept)] if kept else []
    check(Lstm(num_output=5, **fields), bottoms, rng)


@KINDS
def test_no_steps(rng, kind, states):
    bottoms = [rng.standard_normal((3, 2, 4), np.float32), np.ones((3, 2), np.float32)]
    layer = layer_of(kind(num_output=5), bottoms, rng)
    (found,) = compute_whole(layer, [bottom[:0] for bottom in bottoms])
    assert found.shape == (0, 2, 5)


@KINDS
@pytest.mark.parametrize("streams", [3, 48])
def test_threads_change_no_bit(rng, kind, states, streams):
    """Panels are shared, and a step begins when all have ended the one before; many streams are shared instead."""
    bottoms = [rng.standard_normal((40, streams, 5), np.float32), indicator(rng, 40, streams)]
    layer = layer_of(kind(num_output=9 * LANES), bottoms, rng)
    (alone,) = compute_whole(layer, bottoms)
    executor, shared = Executor(4), []

    def crew(kernel, descriptor):
        team = executor._own_team()
        shared.append(len(team.addresses))
        executor._own_helpers().run(kernel, layers.address(descriptor.words), team.addresses)

    with layers.worked_by(crew):
        (found,) = compute_whole(layer, bottoms)
    executor.close()
    assert shared
    assert set(shared) == {4}
    np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_runs_sequences_of_any_length(rng, threads):
    data = Layer("data", Input(shape=((6, 2, 4),)), (), ("x",))
    recurrent = Layer("l", Lstm(num_output=5), ("x",), ("y",))
    net = Net("", (data, recurrent))
    weights = {name: rng.standard_normal(shape, np.float32) for name, shape in net.weight_shapes(recurrent).items()}
    session = Session(net.with_weights({"l": weights}), threads=threads)
    for steps in (6, 1, 9, 9, 9, 9, 9):
        x = rng.standard_normal((steps, 2, 4), np.float32)
        (found,) = session.run(None, {"x": x})
        (expected,) = recurrent.params.reference([x], weights, 1)
        np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    session.close()
