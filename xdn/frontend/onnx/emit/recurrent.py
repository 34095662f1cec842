"""LSTM, Lstm, GRU and RNN in ONNX: their operators, or a Scan where an indicator may end sequences anywhere."""

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import Array
from xdn.layers.continuationindicator import ContinuationIndicator
from xdn.layers.gru import GRU
from xdn.layers.lstm import LSTM, Lstm
from xdn.layers.recurrent import Cell, Recurrent, Steps
from xdn.layers.rnn import RNN

#: ONNX's gates i, o, f, g by their places in Caffe's i, f, o, g.
_GATES = (0, 2, 1, 3)


@EMITTERS.register("LSTM", "Lstm")
def lstm(out: Emission, params: LSTM | Lstm) -> None:
    """LSTM, or a Scan over its cell; a Reshape to the top's axes."""
    hidden = _hidden(out, params, "LSTM")
    apart = len(out.graph.net.blobs[out.layer.tops[0]].shape) == 3
    target = [0, 0, params.num_output] if apart else [-1, params.num_output]
    out.top("Reshape", [hidden, out.integers("top_shape", target)])


@EMITTERS.register("RNN")
def rnn(out: Emission, params: RNN) -> None:
    """RNN, or a Scan over its cell; then the outputs' product and Tanh, where there are any."""
    hidden = _hidden(out, params, "RNN")
    if params.tf_rnn:
        out.top("Identity", [hidden])
        return
    weight = out.constant("output.weight", np.ascontiguousarray(out.layer.weights["output.weight"].T))
    product = out.step("MatMul", [hidden, weight], "product")
    out.top("Tanh", [out.step("Add", [product, out.weight("output.bias")], "sum")])


@EMITTERS.register("GRU")
def gru(out: Emission, params: GRU) -> None:
    """GRU, or a Scan over its cell."""
    out.top("Identity", [_hidden(out, params, "GRU")])


def _hidden(out: Emission, params: Steps, op: str) -> str:
    """Append what gives h of all steps, and return its name; the states after the last one become the other tops."""
    cell = params.cell(np, out.layer.weights)
    if isinstance(params, Recurrent):
        x = out.step("Reshape", [out.bottoms[0], out.integers("steps", [0, 0, -1])], "x")
        own = len(out.bottoms) - params.states_given
        static = out.bottoms[own - 1] if cell.static is not None else None
        # Where a layer says that all streams begin anew, no states go before.
        anew = not params.continue_recur and isinstance(
            out.graph.net.producers[out.layer.bottoms[1]].params, ContinuationIndicator
        )
        start = () if anew else out.bottoms[own:]
        kept = [] if anew or params.continue_recur else [out.bottoms[1]] * len(params.states)
    else:
        shape = out.bottom().shape
        streams = params.streams(shape)  # type: ignore[attr-defined]
        x = out.step("Reshape", [out.bottoms[0], out.integers("steps", [-1, streams, cell.inputs.shape[1]])], "x")
        kept, static, start = _kept_of(out, len(shape) == 3, streams), None, ()
    if not kept:
        return _operator(out, op, cell, x, static, start)
    return _scan(out, params, cell, _sums(out, cell, x, static), (kept, start))


def _kept_of(out: Emission, apart: bool, streams: int) -> list[str]:
    """Return of an Lstm with a second bottom by what h and c are multiplied, (T, N) each."""
    if len(out.bottoms) == 1:
        return []
    said = out.step("Reshape", [out.bottoms[1], out.integers("kept_shape", [-1, streams])], "said")
    ends = out.step("Equal", [said, out.scalar("nothing", 0)], "ends")
    whole = out.step("Cast", [out.step("Not", [ends], "goes_on")], "goes_on_f32", to=TensorProto.FLOAT)
    return [whole if apart else said, whole]


def _operator(out: Emission, op: str, cell: Cell, x: str, static: str | None, start: Sequence[str]) -> str:
    """Append the operator called `op`; a static input is joined to that of every step."""
    inputs = cell.inputs
    if static is not None and cell.static is not None:
        inputs = np.concatenate([inputs, cell.static], axis=1)
        steps = out.step("Shape", [x], "steps_only", start=0, end=1)
        row = out.step("Unsqueeze", [_flat(out, static), out.integers("time", [0])], "static_row")
        once = out.step("Concat", [steps, out.integers("once", [1, 1])], "repeats", axis=0)
        x = out.step("Concat", [x, out.step("Tile", [row, once], "static_steps")], "joined", axis=2)
    of_state = np.zeros_like(cell.bias)
    fields = {}
    if cell.hidden_bias is not None:
        of_state[-len(cell.hidden_bias) :] = cell.hidden_bias
        fields["linear_before_reset"] = 1
    bias = np.concatenate([_in_onnx_order(cell, cell.bias), of_state])
    arrays = {"W": _in_onnx_order(cell, inputs), "R": _in_onnx_order(cell, cell.hidden), "B": bias}
    names = [out.constant(name, np.ascontiguousarray(array[None])) for name, array in arrays.items()]
    steps_made = out.fresh("all_steps")
    last = out.tops[1:]
    given = ["", *start] if start else []
    out.graph.node(op, [x, *names, *given], steps_made, *last, hidden_size=cell.hidden.shape[1], **fields)
    return out.step("Squeeze", [steps_made, out.integers("direction", [1])], "hidden")


def _in_onnx_order(cell: Cell, array: Array) -> Array:
    """Return rows of a cell by gate in ONNX's order."""
    gates = len(cell.bias) // cell.hidden.shape[1]
    parted = array.reshape(gates, cell.hidden.shape[1], *array.shape[1:])
    return (parted[list(_GATES)] if gates == len(_GATES) else parted).reshape(array.shape)


def _flat(out: Emission, static: str) -> str:
    """Return the static input as rows."""
    return out.step("Flatten", [static], "static_flat", axis=1)


def _sums(out: Emission, cell: Cell, x: str, static: str | None) -> str:
    """Append what every step adds that does not depend on the state, (T, N, K)."""
    product = out.step("MatMul", [x, out.constant("inputs", np.ascontiguousarray(cell.inputs.T))], "product_x")
    made = out.step("Add", [product, out.constant("bias", cell.bias)], "sum_x")
    if static is None or cell.static is None:
        return made
    weight = out.constant("static", np.ascontiguousarray(cell.static.T))
    return out.step("Add", [made, out.step("MatMul", [_flat(out, static), weight], "product_s")], "sum_s")


def _scan(out: Emission, params: Steps, cell: Cell, sums: str, given: tuple[list[str], Sequence[str]]) -> str:
    """Append a Scan over the steps, whose states begin with zeros where none are given; return h of all steps."""
    kept, start = given
    last = [out.fresh(f"first_{name}") for name in params.states]
    for name, state in zip(last, start, strict=False):
        out.graph.node("Squeeze", [state, out.integers("layer", [0])], name)
    if not start:
        streams = out.step("Shape", [sums], "streams", start=1, end=2)
        shape = out.step("Concat", [streams, out.integers("units", [cell.hidden.shape[1]])], "state_shape", axis=0)
        for name in last:
            out.graph.node("ConstantOfShape", [shape], name)
    ends = [out.fresh(f"last_{name}") for name in params.states]
    columns = [
        out.step("Unsqueeze", [each, out.integers("column", [2])], f"kept_{name}")
        for each, name in zip(kept, params.states, strict=True)
    ]
    hidden, inputs = out.fresh("hidden"), [sums, *columns]
    body = _body(out, cell, params.states)
    out.graph.node("Scan", [*last, *inputs], *ends, hidden, body=body, num_scan_inputs=len(inputs))
    for top, end in zip(out.tops[1:], ends, strict=False):
        out.graph.node("Unsqueeze", [end, out.integers("layer", [0])], top)
    return hidden


def _body(out: Emission, cell: Cell, states: Sequence[str]) -> GraphProto:
    """Return the graph of one step: states, sums and what is kept -> states, h."""
    gates = len(cell.bias) // cell.hidden.shape[1]
    nodes = [
        helper.make_node("Mul", ["h", "kept_h"], ["held"]),
        *{1: _rnn_step, 3: _gru_step, 4: _lstm_step}[gates](out, cell),
        helper.make_node("Identity", ["new_h"], ["given_h"]),
    ]
    names = [*states, "sums", *(f"kept_{name}" for name in states)]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in each]
        for each in (names, [*(f"new_{name}" for name in states), "given_h"])
    )
    return helper.make_graph(nodes, "step", inputs, outputs)


def _products(out: Emission, cell: Cell) -> list[NodeProto]:
    """Return the nodes that give z, the sums of all gates."""
    weight = out.constant("hidden", np.ascontiguousarray(cell.hidden.T))
    return [
        helper.make_node("MatMul", ["held", weight], ["product"]),
        helper.make_node("Add", ["sums", "product"], ["z"]),
    ]


def _rnn_step(out: Emission, cell: Cell) -> list[NodeProto]:
    """Return the nodes that give new_h of an RNN."""
    return [*_products(out, cell), helper.make_node("Tanh", ["z"], ["new_h"])]


def _lstm_step(out: Emission, cell: Cell) -> list[NodeProto]:
    """Return the nodes that give new_h and new_c of an LSTM."""
    return [
        *_products(out, cell),
        helper.make_node("Split", ["z"], ["zi", "zf", "zo", "zg"], axis=1),
        *(helper.make_node("Sigmoid", [f"z{gate}"], [gate]) for gate in "ifo"),
        helper.make_node("Tanh", ["zg"], ["g"]),
        helper.make_node("Mul", ["c", "kept_c"], ["held_c"]),
        helper.make_node("Mul", ["f", "held_c"], ["remembered"]),
        helper.make_node("Mul", ["i", "g"], ["learned"]),
        helper.make_node("Add", ["remembered", "learned"], ["new_c"]),
        helper.make_node("Tanh", ["new_c"], ["shown"]),
        helper.make_node("Mul", ["o", "shown"], ["new_h"]),
    ]


def _gru_step(out: Emission, cell: Cell) -> list[NodeProto]:
    """Return the nodes that give new_h of a GRU, which is reset before the product or after it."""
    units = cell.hidden.shape[1]
    of_gates, of_new = (
        out.constant(name, np.ascontiguousarray(array.T))
        for name, array in (("hidden_gates", cell.hidden[: 2 * units]), ("hidden_new", cell.hidden[2 * units :]))
    )
    if cell.hidden_bias is None:
        known = [
            helper.make_node("Mul", ["r", "held"], ["reset"]),
            helper.make_node("MatMul", ["reset", of_new], ["known"]),
        ]
    else:
        known = [
            helper.make_node("MatMul", ["held", of_new], ["product_n"]),
            helper.make_node("Add", ["product_n", out.constant("hidden_bias", cell.hidden_bias)], ["biased"]),
            helper.make_node("Mul", ["r", "biased"], ["known"]),
        ]
    return [
        helper.make_node("Split", ["sums"], ["xz", "xr", "xn"], axis=1),
        helper.make_node("Concat", ["xz", "xr"], ["xzr"], axis=1),
        helper.make_node("MatMul", ["held", of_gates], ["product"]),
        helper.make_node("Add", ["xzr", "product"], ["zzr"]),
        helper.make_node("Sigmoid", ["zzr"], ["zr"]),
        helper.make_node("Split", ["zr"], ["z", "r"], axis=1),
        *known,
        helper.make_node("Add", ["xn", "known"], ["zn"]),
        helper.make_node("Tanh", ["zn"], ["n"]),
        helper.make_node("Sub", ["held", "n"], ["older"]),
        helper.make_node("Mul", ["z", "older"], ["stays"]),
        helper.make_node("Add", ["n", "stays"], ["new_h"]),
    ]
