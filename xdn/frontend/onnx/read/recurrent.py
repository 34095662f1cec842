"""LSTM, GRU and RNN: cells that go over sequences step by step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.window import cut
from xdn.graph import Array
from xdn.layers.concat import Concat
from xdn.layers.gru import GRU
from xdn.layers.lstm import LSTM, Lstm
from xdn.layers.permute import Permute
from xdn.layers.recurrent import Recurrent, Steps
from xdn.layers.reshape import Reshape
from xdn.layers.reverse import Reverse
from xdn.layers.rnn import RNN

#: The operators that go over the steps of sequences.
RECURRENT = ("LSTM", "GRU", "RNN")
#: Caffe's gates i, f, o, g by their places in ONNX's i, o, f, g.
_GATES = (0, 2, 1, 3)
#: For each direction whether it goes from the last step to the first.
_BACKWARDS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
#: Puts an axis for the direction into steps (T, N, H).
_WAY = Reshape(shape=(1,), axis=1, num_axes=0)
#: Numbers of the inputs: the lengths of sequences, the first state before the first step, and peepholes.
_LENGTHS, _STATE, _PEEPHOLES = 4, 5, 7


@dataclass(frozen=True)
class _Cells:
    """What an operator computes.

    Parameters
    ----------
    layer : callable
        (further fields of `Recurrent`) -> the layer of one direction, where states are given or asked for.
    alone : callable
        (num_output) -> the layer where they are not.
    functions : tuple of str
        Those that it takes.
    gates : int
    weights : callable
        (weights of the inputs, of the state, and both biases (2, gates * H), all of one direction) -> the layer's.
    """

    layer: Callable[..., Recurrent]
    alone: Callable[..., Steps]
    functions: tuple[str, ...]
    gates: int
    weights: Callable[[Array, Array, Array], Mapping[str, Array]]

    @property
    def states(self) -> Sequence[int]:
        """Numbers of the inputs that are states before the first step."""
        return range(_STATE, _STATE + len(self.layer().states))


@READERS.register("LSTM")
def lstm(node: Node) -> None:
    """Lstm, or LSTM where states are given or asked for; one layer for each direction, backwards between two Reverse.

    Refused: weights that are no constants, other functions than the usual ones, limits to what they take (`clip`),
    forget gates that are coupled (`input_forget`), peepholes, and sequences that end before the last step.
    """
    if node.attribute("input_forget", 0):
        raise UnsupportedError("it has input_forget")
    if node.has(_PEEPHOLES) and node.constant(_PEEPHOLES, "peepholes").any():
        raise UnsupportedError("it has peepholes")
    _recurrent(node, _Cells(partial(LSTM, continue_recur=True), Lstm, ("sigmoid", "tanh", "tanh"), 4, _lstm_weights))


@READERS.register("GRU")
def gru(node: Node) -> None:
    """GRU; one layer for each direction, backwards between two Reverse.

    Refused: weights that are no constants, other functions than the usual ones, limits to what they take (`clip`), and
    sequences that end before the last step.
    """
    after = int(bool(node.attribute("linear_before_reset", 0)))
    layer = partial(GRU, linear_before_reset=after, continue_recur=True)

    def weights(of_inputs: Array, of_state: Array, biases: Array) -> Mapping[str, Array]:
        # What the state gives for the last gate is reset with its bias, or without.
        summed = biases.sum(0)
        units = of_state.shape[1]
        if after:
            summed[2 * units :] = biases[0, 2 * units :]
        found = {"input.weight": of_inputs, "input.bias": summed}
        found |= {f"hidden.{gate}": array for gate, array in zip("zrn", np.split(of_state, 3), strict=True)}
        return found | ({"hidden.bias": biases[1, 2 * units :]} if after else {})

    _recurrent(node, _Cells(layer, layer, ("sigmoid", "tanh"), 3, weights))


@READERS.register("RNN")
def rnn(node: Node) -> None:
    """RNN without outputs of its own; one layer for each direction, backwards between two Reverse.

    Refused: weights that are no constants, other functions than Tanh, limits to what it takes (`clip`), and sequences
    that end before the last step.
    """
    layer = partial(RNN, tf_rnn=True, continue_recur=True)
    _recurrent(node, _Cells(layer, layer, ("tanh",), 1, _rnn_weights))


def _rnn_weights(of_inputs: Array, of_state: Array, biases: Array) -> Mapping[str, Array]:
    """Return the weights of an RNN."""
    return {"input.weight": of_inputs, "hidden.weight": of_state, "input.bias": biases.sum(0)}


def _lstm_weights(of_inputs: Array, of_state: Array, biases: Array) -> Mapping[str, Array]:
    """Return the weights of an LSTM, whose gates are in Caffe's order."""
    arrays = _rnn_weights(of_inputs, of_state, biases)
    units = of_state.shape[1]
    return {
        name: array.reshape(4, units, *array.shape[1:])[list(_GATES)].reshape(array.shape)
        for name, array in arrays.items()
    }


def _recurrent(node: Node, cells: _Cells) -> None:
    """Append a layer for each direction, and what puts them together."""
    x, first = node.bottom(), bool(node.attribute("layout", 0))
    if len(node.shape()) != 3:
        raise ShapeError(f"a blob of shape {node.shape()} is no sequence; it has three axes")
    if first:
        x = node.step("steps_first", Permute(order=(1, 0, 2)), [x])
    backwards = _BACKWARDS.get(node.attribute("direction", "forward"), ())
    _check(node, cells, x, len(backwards))
    made = [_one_way(node, cells, x, number, back) for number, back in enumerate(backwards)]
    for output, name in enumerate(node.proto.output):
        if not name:
            continue
        blobs = [each[output] for each in made]
        if output == 0:
            blobs = [node.step("way", _WAY, [blob]) for blob in blobs]
        axis, order = (1, (2, 0, 1, 3)) if output == 0 else (0, (1, 0, 2))
        blob = node.step("ways", Concat(axis=axis), blobs) if len(blobs) > 1 else blobs[0]
        node.stands_for(node.step("streams_first", Permute(order=order), [blob]) if first else blob, output)


def _check(node: Node, cells: _Cells, x: str, directions: int) -> None:
    """UnsupportedError of what the layers do not have; ShapeError where weights do not fit."""
    steps, _, inputs = node.shape_of(x)
    usual = [*cells.functions] * directions
    if [each.decode(errors="replace").lower() for each in node.attribute("activations", [])] not in ([], usual):
        raise UnsupportedError(f"its activations are not {', '.join(map(str.capitalize, cells.functions))}")
    if node.attribute("clip") is not None:
        raise UnsupportedError("it has a clip")
    if node.has(_LENGTHS) and (node.constant(_LENGTHS, "sequence_lens") != steps).any():
        raise UnsupportedError("its sequences are of several lengths")
    units = next(reversed(node.constant(2, "weights of the state").shape), 0)
    rows = cells.gates * units
    shapes = {1: (directions, rows, inputs), 2: (directions, rows, units), 3: (directions, 2 * rows)}
    for number, wanted in shapes.items():
        if node.has(number) and node.constant(number, "weights").shape != wanted:
            raise ShapeError(f"weights of shape {node.constant(number, 'weights').shape}; they are {wanted}")


def _one_way(node: Node, cells: _Cells, x: str, number: int, backwards: bool) -> Sequence[str]:
    """Return the blobs of all steps (T, N, H), and of the states (1, N, H) where there are any, of a direction."""
    of_inputs, of_state = (node.constant(each, "weights")[number] for each in (1, 2))
    units = of_state.shape[1]
    rows = cells.gates * units
    biases = node.constant(3, "bias")[number] if node.has(3) else np.zeros(2 * rows, np.float32)
    weights = cells.weights(of_inputs, of_state, biases.reshape(2, rows))
    if backwards:
        x = node.step("backwards", Reverse(axis=(0,)), [x])
    begins = any(_begins(node, each) for each in cells.states)
    if begins or any(node.proto.output[1:]):
        given = cells.states if begins else ()
        states = [_state(node, each, number, (node.shape_of(x)[1], units)) for each in given]
        tops = [node.making.fresh(f"{node.name}.{name}") for name in ("steps", *cells.layer().states)]
        layer = cells.layer(num_output=units, expose_hidden=begins, default_initial=not begins)
        node.append(f"{node.name}.cells", layer, [x, *states], tops, weights)
    else:
        tops = [node.step("steps", cells.alone(num_output=units), [x], weights)]
    if backwards and node.proto.output[0]:
        tops[0] = node.step("forwards", Reverse(axis=(0,)), tops[:1])
    return tops


def _begins(node: Node, index: int) -> bool:
    """Return whether an input is a state before the first step that is not all zeros."""
    return node.has(index) and not (node.is_constant(index) and not node.constant(index, "state").any())


def _state(node: Node, index: int, number: int, shape: tuple[int, int]) -> str:
    """Return the blob (1, N, H) of a state before the first step, of one direction."""
    first = bool(node.attribute("layout", 0))
    if not node.has(index):
        return node.made("zeros", np.zeros((1, *shape), np.float32))
    if node.is_constant(index):
        value = node.constant(index, "state")
        if value.ndim != len(shape) + 1:
            raise ShapeError(f"a state of shape {value.shape}; it has three axes")
        value = value.transpose(1, 0, 2) if first else value
        return node.made(f"state{index}.{number}", value[number : number + 1])
    blob = node.bottom(index)
    if first:
        blob = node.step("ways_first", Permute(order=(1, 0, 2)), [blob])
    return cut(node, blob, 0, number, number + 1)
