"""LSTM: cells that go over sequences step by step."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.window import cut
from xdn.graph import Array
from xdn.layers.concat import Concat
from xdn.layers.lstm import LSTM, Lstm
from xdn.layers.permute import Permute
from xdn.layers.reshape import Reshape
from xdn.layers.reverse import Reverse

#: Caffe's gates i, f, o, g by their places in ONNX's i, o, f, g.
_GATES = (0, 2, 1, 3)
#: For each direction whether it goes from the last step to the first.
_BACKWARDS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
#: Numbers of the inputs: the lengths of sequences, the states before the first step, and peepholes.
_LENGTHS, _STATES, _PEEPHOLES = 4, (5, 6), 7


@READERS.register("LSTM")
def lstm(node: Node) -> None:
    """Lstm, or LSTM where states are given or asked for; one layer for each direction, backwards between two Reverse.

    Refused: weights that are no constants, other functions than the usual ones, limits to what they take (`clip`),
    forget gates that are coupled (`input_forget`), peepholes, and sequences that end before the last step.
    """
    x, first = node.bottom(), bool(node.attribute("layout", 0))
    if len(node.shape()) != 3:
        raise ShapeError(f"a blob of shape {node.shape()} is no sequence; it has three axes")
    if first:
        x = node.step("steps_first", Permute(order=(1, 0, 2)), [x])
    backwards = _BACKWARDS.get(node.attribute("direction", "forward"), ())
    _check(node, x, len(backwards))
    made = [_one_way(node, x, number, back) for number, back in enumerate(backwards)]
    for output, name in enumerate(node.proto.output):
        if not name:
            continue
        blobs = [each[output] for each in made]
        if output == 0:
            blobs = [node.step("way", Reshape(shape=_with_axis(node, blob)), [blob]) for blob in blobs]
        axis, order = (1, (2, 0, 1, 3)) if output == 0 else (0, (1, 0, 2))
        blob = node.step("ways", Concat(axis=axis), blobs) if len(blobs) > 1 else blobs[0]
        node.stands_for(node.step("streams_first", Permute(order=order), [blob]) if first else blob, output)


def _with_axis(node: Node, blob: str) -> tuple[int, ...]:
    """Return the shape of steps (T, N, H) with an axis for the direction, as Reshape is told it."""
    _, streams, units = node.shape_of(blob)
    return (0, 1, streams, units)


def _check(node: Node, x: str, directions: int) -> None:
    """UnsupportedError of what the layers do not have; ShapeError where weights do not fit."""
    steps, _, inputs = node.shape_of(x)
    usual = ["sigmoid", "tanh", "tanh"] * directions
    if [each.decode().lower() for each in node.attribute("activations", [])] not in ([], usual):
        raise UnsupportedError("its activations are not Sigmoid, Tanh and Tanh")
    if node.attribute("clip") is not None or node.attribute("input_forget", 0):
        raise UnsupportedError("it has a clip, or input_forget")
    if node.has(_PEEPHOLES) and node.constant(_PEEPHOLES, "peepholes").any():
        raise UnsupportedError("it has peepholes")
    if node.has(_LENGTHS) and (node.constant(_LENGTHS, "sequence_lens") != steps).any():
        raise UnsupportedError("its sequences are of several lengths")
    units = next(reversed(node.constant(2, "weights of the state").shape), 0)
    shapes = {1: (directions, 4 * units, inputs), 2: (directions, 4 * units, units), 3: (directions, 8 * units)}
    for number, wanted in shapes.items():
        if node.has(number) and node.constant(number, "weights").shape != wanted:
            raise ShapeError(f"weights of shape {node.constant(number, 'weights').shape}; they are {wanted}")


def _one_way(node: Node, x: str, number: int, backwards: bool) -> Sequence[str]:
    """Return the blobs of all steps (T, N, H), and of the states (1, N, H) where there are any, of a direction."""
    of_inputs, of_state = (node.constant(each, "weights")[number] for each in (1, 2))
    units = of_state.shape[1]
    bias = node.constant(3, "bias")[number].reshape(2, -1).sum(0) if node.has(3) else np.zeros(4 * units)
    arrays = {"input.weight": of_inputs, "hidden.weight": of_state, "input.bias": bias}
    weights = {name: _in_order(array, units) for name, array in arrays.items()}
    if backwards:
        x = node.step("backwards", Reverse(axis=(0,)), [x])
    if any(node.proto.output[1:]) or any(_begins(node, each) for each in _STATES):
        states = [_state(node, each, number, (node.shape_of(x)[1], units)) for each in _STATES]
        kept = np.ones(node.shape_of(x)[:2], np.float32)
        bottoms = [x, node.made("goes_on", kept), *states]
        tops = [node.making.fresh(f"{node.name}.{name}") for name in ("steps", "h", "c")]
        node.append(f"{node.name}.cells", LSTM(num_output=units, expose_hidden=True), bottoms, tops, weights)
    else:
        tops = [node.step("steps", Lstm(num_output=units), [x], weights)]
    if backwards and node.proto.output[0]:
        tops[0] = node.step("forwards", Reverse(axis=(0,)), tops[:1])
    return tops


def _in_order(array: Array, units: int) -> Array:
    """Return rows by gate, in the order of the layers."""
    gates = array.reshape(4, units, *array.shape[1:])
    return gates[list(_GATES)].reshape(array.shape)


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
        value = value.transpose(1, 0, 2) if first else value
        return node.made(f"state{index}.{number}", value[number : number + 1])
    blob = node.bottom(index)
    if first:
        blob = node.step("ways_first", Permute(order=(1, 0, 2)), [blob])
    return cut(node, blob, 0, number, number + 1)
