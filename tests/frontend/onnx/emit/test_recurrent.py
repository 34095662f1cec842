"""LSTM, Lstm, GRU and RNN in ONNX: operators, and Scans where an indicator is given."""

from functools import partial

import pytest

from tests.frontend.onnx.onnx_checks import check_net, one_layer_net, session_of
from tests.layers.sequences import CASES, indicator_layer
from xdn.frontend.onnx.writer import to_onnx
from xdn.layers.gru import GRU
from xdn.layers.lstm import LSTM, Lstm
from xdn.layers.rnn import RNN

KINDS = pytest.mark.parametrize(
    ("kind", "states"), [(LSTM, 2), (RNN, 1), (GRU, 1), (partial(GRU, linear_before_reset=1), 1)]
)


def net_of(params, *shapes, n_tops=1):
    """Return a net of one layer whose weights lie around zero, so that gates do not saturate."""
    net = one_layer_net(params, *shapes, n_tops=n_tops)
    *others, layer = net.layers
    weights = {name: array - array.dtype.type(1) for name, array in layer.weights.items()}
    return net.replace(layers=(*others, layer.replace(weights=weights)))


def without_indicator(net):
    """Return the net with a layer in place of the input that says which states are kept."""
    steps, streams = net.blobs["x1"].shape
    layers = [indicator_layer("x1", steps, streams) if layer.tops == ("x1",) else layer for layer in net.layers]
    return net.replace(layers=tuple(layers))


def operators(net):
    """Return the types of a net's nodes in ONNX."""
    return {node.op_type for node in to_onnx(net).graph.node}


@KINDS
@pytest.mark.parametrize(("x", "units", "static", "exposed"), CASES)
def test_an_indicator_that_the_caller_gives(kind, states, x, units, static, exposed):
    params = kind(num_output=units, expose_hidden=exposed)
    shapes = [x, x[:2], *([static] if static else []), *[(1, x[1], units)] * (states if exposed else 0)]
    net = net_of(params, *shapes, n_tops=1 + states if exposed else 1)
    assert "Scan" in operators(net)
    check_net(net)


@KINDS
@pytest.mark.parametrize(("x", "units", "static", "exposed"), CASES)
def test_one_sequence_is_an_operator(kind, states, x, units, static, exposed):
    params = kind(num_output=units, expose_hidden=exposed)
    shapes = [x, x[:2], *([static] if static else []), *[(1, x[1], units)] * (states if exposed else 0)]
    net = without_indicator(net_of(params, *shapes, n_tops=1 + states if exposed else 1))
    assert params.type in operators(net)
    assert "Scan" not in operators(net)
    check_net(net)


@KINDS
@pytest.mark.parametrize("static", [None, (2, 5)])
def test_all_steps_go_on_from_the_states(kind, states, static):
    params = kind(num_output=4, expose_hidden=True, continue_recur=True)
    net = net_of(params, (3, 2, 5), *([static] if static else []), *[(1, 2, 4)] * states, n_tops=1 + states)
    assert params.type in operators(net)
    check_net(net)


@KINDS
def test_any_number_of_steps_that_go_on(kind, states):
    check_net(net_of(kind(num_output=4, continue_recur=True), (6, 2, 3)), batches=(1, 9))


def test_without_outputs_of_its_own():
    check_net(net_of(RNN(num_output=4, continue_recur=True, tf_rnn=True), (6, 2, 3)), batches=(1, 9))


@pytest.mark.parametrize(
    ("fields", "shapes"),
    [
        ({}, [(6, 2, 3)]),
        ({}, [(6, 3)]),
        ({"batch_size": 2}, [(6, 3, 1, 2)]),
        ({}, [(6, 2, 3), (6, 2)]),
        ({"batch_size": 2}, [(6, 3), (6,)]),
    ],
)
def test_the_forks_lstm(fields, shapes):
    net = net_of(Lstm(num_output=4, **fields), *shapes)
    assert ("Scan" in operators(net)) == (len(shapes) == 2)
    check_net(net)


def test_any_number_of_steps():
    net = net_of(Lstm(num_output=4), (6, 2, 3))
    assert session_of(net).get_inputs()[0].shape == ["N", 2, 3]
    check_net(net, batches=(1, 9))
