"""LSTM of all directions, with and without states, beside ONNX Runtime."""

import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check, check_refused, f32, i64, model_of
from xdn.errors import ShapeError
from xdn.frontend.onnx.read.net import net_of

UNITS, INPUTS = 3, 2


def _weights(ways=1):
    shapes = {"w": (ways, 4 * UNITS, INPUTS), "r": (ways, 4 * UNITS, UNITS), "b": (ways, 8 * UNITS)}
    return {name: f32(*shape, seed=number) - 1 for number, (name, shape) in enumerate(shapes.items())}


def _model(constants, outputs=("y",), more=(), inputs=None, **attributes):
    node = helper.make_node("LSTM", ["x", *constants, *more], list(outputs), hidden_size=UNITS, **attributes)
    return model_of([node], {"x": (4, 2, INPUTS), **(inputs or {})}, constants, [each for each in outputs if each])


@pytest.mark.parametrize(("direction", "ways"), [("forward", 1), ("reverse", 1), ("bidirectional", 2)])
def test_all_steps(direction, ways):
    """Of any number of steps."""
    net = check(_model(_weights(ways), direction=direction))
    assert [layer.type for layer in net.layers].count("Lstm") == ways


@pytest.mark.parametrize(("direction", "ways"), [("forward", 1), ("bidirectional", 2)])
def test_states_are_given_and_asked_for(direction, ways):
    state = (ways, 2, UNITS)
    more = {"outputs": ("y", "h", "c"), "more": ["", "h0", "c0"], "inputs": {"h0": state, "c0": state}}
    net = check(_model(_weights(ways), **more, direction=direction), batches=())
    assert [layer.type for layer in net.layers].count("LSTM") == ways


def test_states_that_are_constants():
    zeros = {"n": i64(4, 4).astype(np.int32), "h0": np.zeros((1, 2, UNITS), np.float32)}
    net = check(_model(_weights() | zeros), batches=())
    assert [layer.type for layer in net.layers[1:]] == ["Lstm", "Reshape", "Split"]
    net = check(_model(_weights() | zeros | {"c0": f32(1, 2, UNITS)}, outputs=["", "h"]), batches=())
    assert "LSTM" in [layer.type for layer in net.layers]


def test_what_is_refused():
    weights = _weights()
    for reason, attributes in {
        "its activations": {"activations": ["Relu", "Tanh", "Tanh"]},
        "a clip": {"clip": 1.0},
        "input_forget": {"input_forget": 1},
    }.items():
        check_refused("LSTM", (4, 2, INPUTS), weights, hidden_size=UNITS, reason=reason, **attributes)
    lengths = {"n": i64(4, 3).astype(np.int32)}
    check_refused("LSTM", (4, 2, INPUTS), weights | lengths, hidden_size=UNITS, reason="several lengths")
    with pytest.raises(ShapeError, match="weights of shape"):
        net_of(_model(_weights() | {"b": f32(1, 5)}), "model")


def test_streams_first():
    """ONNX Runtime does not have this layout: it is the other one, turned before and after."""
    given = _weights() | {"h0": f32(2, 1, UNITS), "c0": f32(2, 1, UNITS, seed=2)}
    turned = _weights() | {name: given[name].transpose(1, 0, 2) for name in ("h0", "c0")}
    outputs, x = ("y", "h", "c"), f32(2, 4, INPUTS)
    constants = ["w", "r", "b"]
    order = {name: each for name, each in given.items() if name in constants}
    nets = []
    for states, shape, layout in ((given, (2, 4, INPUTS), 1), (turned, (4, 2, INPUTS), 0)):
        named = {name: each for name, each in states.items() if name not in constants}
        node = helper.make_node(
            "LSTM", ["x", *constants, "", "h0", "c0"], list(outputs), hidden_size=UNITS, layout=layout
        )
        nets.append(net_of(model_of([node], {"x": shape}, order | named, outputs), "model"))
    found, wanted = nets[0].forward({"x": x}), nets[1].forward({"x": x.transpose(1, 0, 2)})
    np.testing.assert_array_equal(found["y"], wanted["y"].transpose(2, 0, 1, 3))
    for state in ("h", "c"):
        np.testing.assert_array_equal(found[state], wanted[state].transpose(1, 0, 2))
