"""LSTM, GRU and RNN of all directions, with and without states, beside ONNX Runtime."""

import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check, check_refused, f32, i64, model_of
from xdn.errors import ShapeError
from xdn.frontend.onnx.read.net import net_of
from xdn.session import Session

UNITS, INPUTS = 3, 2
#: Operator, its attributes -> its gates, its states, and what reads it.
KINDS = pytest.mark.parametrize(
    ("operator", "fields", "read"),
    [
        ("LSTM", {}, "Lstm"),
        ("GRU", {}, "GRU"),
        ("GRU", {"linear_before_reset": 1}, "GRU"),
        ("RNN", {}, "RNN"),
    ],
)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
WAYS = pytest.mark.parametrize(("direction", "ways"), [("forward", 1), ("reverse", 1), ("bidirectional", 2)])


def _weights(ways=1, operator="LSTM"):
    rows = GATES[operator] * UNITS
    shapes = {"w": (ways, rows, INPUTS), "r": (ways, rows, UNITS), "b": (ways, 2 * rows)}
    return {name: f32(*shape, seed=number) - 1 for number, (name, shape) in enumerate(shapes.items())}


def _model(constants, outputs=("y",), more=(), inputs=None, operator="LSTM", **attributes):
    node = helper.make_node(operator, ["x", *constants, *more], list(outputs), hidden_size=UNITS, **attributes)
    return model_of([node], {"x": (4, 2, INPUTS), **(inputs or {})}, constants, [each for each in outputs if each])


def _states(operator):
    return ("h", "c") if operator == "LSTM" else ("h",)


@KINDS
@WAYS
def test_all_steps(operator, fields, read, direction, ways):
    """Of any number of steps."""
    net = check(_model(_weights(ways, operator), operator=operator, direction=direction, **fields))
    assert [layer.type for layer in net.layers].count(read) == ways


@KINDS
@WAYS
def test_states_are_given_and_asked_for(operator, fields, read, direction, ways):
    state, names = (ways, 2, UNITS), _states(operator)
    given = [f"{name}0" for name in names]
    more = {"outputs": ("y", *names), "more": ["", *given], "inputs": dict.fromkeys(given, state)}
    net = check(_model(_weights(ways, operator), **more, operator=operator, direction=direction, **fields), batches=())
    assert [layer.type for layer in net.layers].count(operator) == ways


@KINDS
@pytest.mark.parametrize("batch", ["n", 1])
def test_batches_of_both_directions_are_free(operator, fields, read, batch):
    """As PyTorch writes `batch_first`: the batch moves after the steps, and beside it the directions become one."""
    weights, names = _weights(2, operator), [f"last_{name}" for name in _states(operator)]
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=(1, 0, 2)),
        helper.make_node(
            operator, ["t", *weights], ["s", *names], hidden_size=UNITS, direction="bidirectional", **fields
        ),
        helper.make_node("Transpose", ["s"], ["u"], perm=(0, 2, 1, 3)),
        helper.make_node("Reshape", ["u", "shape"], ["v"]),
        helper.make_node("Transpose", ["v"], ["y"], perm=(1, 0, 2)),
        helper.make_node("Transpose", [names[-1]], ["h"], perm=(1, 0, 2)),
    ]
    model = model_of(nodes, {"x": (batch, 4, INPUTS)}, weights | {"shape": i64(0, 0, -1)}, ["y", "h"])
    net = check(model)
    session, x = Session(net, threads=1), f32(3, 4, INPUTS)
    wanted = net.with_batch(3).forward({"x": x})
    for name, found in zip(("y", "h"), session.run(["y", "h"], {"x": x}), strict=True):
        np.testing.assert_allclose(found, wanted[name], rtol=0, atol=1e-5)
    session.close()


@KINDS
def test_without_biases(operator, fields, read):
    weights = _weights(1, operator)
    del weights["b"]
    check(_model(weights, operator=operator, **fields))


def test_states_that_are_constants():
    zeros = {"n": i64(4, 4).astype(np.int32), "h0": np.zeros((1, 2, UNITS), np.float32)}
    net = check(_model(_weights() | zeros), batches=())
    assert [layer.type for layer in net.layers[1:]] == ["Lstm", "Reshape", "Split"]
    net = check(_model(_weights() | zeros | {"c0": f32(1, 2, UNITS)}, outputs=["", "h"]), batches=())
    assert "LSTM" in [layer.type for layer in net.layers]


@KINDS
def test_what_is_refused(operator, fields, read):
    weights = _weights(1, operator)
    lengths = {"n": i64(4, 3).astype(np.int32)}
    given = {"hidden_size": UNITS, **fields}
    others = ["Relu", "Tanh", "Tanh"][: {"LSTM": 3, "GRU": 2, "RNN": 1}[operator]]
    check_refused(operator, (4, 2, INPUTS), weights, reason="its activations", activations=others, **given)
    check_refused(operator, (4, 2, INPUTS), weights, reason="a clip", clip=1.0, **given)
    check_refused(operator, (4, 2, INPUTS), weights | lengths, reason="several lengths", **given)
    with pytest.raises(ShapeError, match="weights of shape"):
        net_of(_model(weights | {"b": f32(1, 5)}, operator=operator, **fields), "model")


def test_coupled_gates_are_refused():
    check_refused("LSTM", (4, 2, INPUTS), _weights(), hidden_size=UNITS, reason="input_forget", input_forget=1)


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
