"""LSTM, Lstm and RNN in ONNX: the operators of these names, or a Scan where an indicator may end sequences anywhere."""

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto, TensorProto, helper

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import Array
from xdn.layers.continuationindicator import ContinuationIndicator
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
    """RNN, or a Scan over its cell; then the outputs' product and Tanh."""
    hidden = _hidden(out, params, "RNN")
    weight = out.constant("output.weight", np.ascontiguousarray(out.layer.weights["output.weight"].T))
    product = out.step("MatMul", [hidden, weight], "product")
    out.top("Tanh", [out.step("Add", [product, out.weight("output.bias")], "sum")])


def _hidden(out: Emission, params: Steps, op: str) -> str:
    """Append what gives h of all steps, and return its name; the states after the last one become the other tops."""
    cell = params.cell(out.layer.weights)
    if isinstance(params, Recurrent):
        x = out.step("Reshape", [out.bottoms[0], out.integers("steps", [0, 0, -1])], "x")
        whole = isinstance(out.graph.net.producers[out.layer.bottoms[1]].params, ContinuationIndicator)
        kept = [] if whole else [out.bottoms[1]] * len(params.states)
        static = out.bottoms[2] if cell.static is not None else None
        start = out.bottoms[len(out.bottoms) - len(params.states) :] if params.expose_hidden else ()
    else:
        shape = out.bottom().shape
        streams = params.streams(shape)  # type: ignore[attr-defined]
        x = out.step("Reshape", [out.bottoms[0], out.integers("steps", [-1, streams, cell.inputs.shape[1]])], "x")
        kept, static, start = _kept_of(out, len(shape) == 3, streams), None, ()
    if not kept:
        return _operator(out, op, cell, x, static)
    return _scan(out, params, cell, _sums(out, cell, x, static), (kept, start))


def _kept_of(out: Emission, apart: bool, streams: int) -> list[str]:
    """Return of an Lstm with a second bottom by what h and c are multiplied, (T, N) each."""
    if len(out.bottoms) == 1:
        return []
    said = out.step("Reshape", [out.bottoms[1], out.integers("kept_shape", [-1, streams])], "said")
    ends = out.step("Equal", [said, out.scalar("nothing", 0)], "ends")
    whole = out.step("Cast", [out.step("Not", [ends], "goes_on")], "goes_on_f32", to=TensorProto.FLOAT)
    return [whole if apart else said, whole]


def _operator(out: Emission, op: str, cell: Cell, x: str, static: str | None) -> str:
    """Append the operator called `op`; a static input is joined to that of every step."""
    inputs = cell.inputs
    if static is not None and cell.static is not None:
        inputs = np.concatenate([inputs, cell.static], axis=1)
        steps = out.step("Shape", [x], "steps_only", start=0, end=1)
        row = out.step("Unsqueeze", [_flat(out, static), out.integers("time", [0])], "static_row")
        once = out.step("Concat", [steps, out.integers("once", [1, 1])], "repeats", axis=0)
        x = out.step("Concat", [x, out.step("Tile", [row, once], "static_steps")], "joined", axis=2)
    bias = np.concatenate([_in_onnx_order(cell, cell.bias), np.zeros_like(cell.bias)])
    arrays = {"W": _in_onnx_order(cell, inputs), "R": _in_onnx_order(cell, cell.hidden), "B": bias}
    names = [out.constant(name, np.ascontiguousarray(array[None])) for name, array in arrays.items()]
    steps_made = out.fresh("all_steps")
    last = out.tops[1:]
    out.graph.node(op, [x, *names], steps_made, *last, hidden_size=cell.hidden.shape[1])
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
    weight = out.constant("hidden", np.ascontiguousarray(cell.hidden.T))
    nodes = [
        helper.make_node("Mul", ["h", "kept_h"], ["held"]),
        helper.make_node("MatMul", ["held", weight], ["product"]),
        helper.make_node("Add", ["sums", "product"], ["z"]),
    ]
    if len(states) == 1:
        nodes.append(helper.make_node("Tanh", ["z"], ["new_h"]))
    else:
        nodes += [helper.make_node("Split", ["z"], ["zi", "zf", "zo", "zg"], axis=1)]
        nodes += [helper.make_node("Sigmoid", [f"z{gate}"], [gate]) for gate in "ifo"]
        nodes += [
            helper.make_node("Tanh", ["zg"], ["g"]),
            helper.make_node("Mul", ["c", "kept_c"], ["held_c"]),
            helper.make_node("Mul", ["f", "held_c"], ["remembered"]),
            helper.make_node("Mul", ["i", "g"], ["learned"]),
            helper.make_node("Add", ["remembered", "learned"], ["new_c"]),
            helper.make_node("Tanh", ["new_c"], ["shown"]),
            helper.make_node("Mul", ["o", "shown"], ["new_h"]),
        ]
    nodes.append(helper.make_node("Identity", ["new_h"], ["given_h"]))
    names = [*states, "sums", *(f"kept_{name}" for name in states)]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in each]
        for each in (names, [*(f"new_{name}" for name in states), "given_h"])
    )
    return helper.make_graph(nodes, "step", inputs, outputs)
