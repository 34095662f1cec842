"""Values whose batch is not their first axis, as in attention that works sequence-first: their batch is kept apart.

The blob of such a value has the batch before all axes of the value, the one of the batch among them, whose extent is 1
since the batch is read as 1. So no node takes the batch elsewhere, and where it stands in the value makes no
difference: what a node does, it does to each image. A Transpose that moves the first axis takes the batch apart; once
the first axis of a value is of extent 1 again, a node that gives it another shape makes it the batch. The inputs of the
net have their batch first, whatever the model says.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import Node
from xdn.frontend.onnx.read.making import Making, Read
from xdn.layers.input import Input
from xdn.layers.permute import Permute
from xdn.layers.reshape import Reshape

#: Operators whose first axis is the batch by ONNX's definition; the readers of others count axes by `Node.axis`, or
#: from the last one.
_OF_IMAGES = frozenset(
    (
        *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "LRN", "MaxRoiPool", "LSTM", "GRU", "RNN"),
        *("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "DepthToSpace", "SpaceToDepth"),
        *("BatchNormalization", "InstanceNormalization", "GroupNormalization", "EyeLike"),
    )
)


def check(node: Node) -> None:
    """Raise UnsupportedError for a node that is not read where the batch of an input is apart."""
    if not node.apart:
        return
    if node.proto.op_type in _OF_IMAGES:
        raise UnsupportedError("the batch is not the first axis of its input")
    given = [number for number in range(len(node.proto.input)) if node.has(number)]
    ranks = {len(node.shape(number)) - 1 for number in given if not node.is_constant(number)}
    constants = (np.ndim(node.constant(number, "input")) for number in given if node.is_constant(number))
    if len(ranks) > 1 or max(constants, default=0) > max(*ranks, 1):
        raise UnsupportedError("the batch is not the first axis of its inputs, which differ in how many axes they have")


def alone(node: Node) -> Node:
    """Return the node as it is read of the batch alone that the model states, where it is refused of any.

    So it has all values as those of one image, with all of their axes; operators of images have them as they are.
    """
    again = Node(node.making, node.proto, alone=True)
    again.apart = node.proto.op_type not in _OF_IMAGES
    return again


def joined(node: Node) -> None:
    """Let the outputs of a node that was read of one batch alone stand for blobs of their own shapes; not numbers."""
    making = node.making
    for name in making.apart.intersection(node.proto.output):
        value = making.values[name]
        blob = value.blob if isinstance(value, Read) else value
        if isinstance(blob, str) and len(making.blobs[blob].shape) > 1:
            blob = making.reshaped(blob, "joined", making.blobs[blob].shape[1:])
            making.values[name] = replace(value, blob=blob) if isinstance(value, Read) else blob
            making.apart.remove(name)


def transposed(node: Node, order: Sequence[int]) -> None:
    """Make the axes of a node's first input in another order its first output; the batch may go anywhere."""
    node.apart = True
    blob, (_, *shape) = node.bottom(), node.shape()
    if sorted(order) != list(range(len(shape))):
        raise ShapeError(f"the order {tuple(order)} of {len(shape)} axes")
    moved = [axis for axis in order if shape[axis] > 1]
    if moved != sorted(moved):
        blob = node.step("turned", Permute(order=(0, *(axis + 1 for axis in order))), [blob])
    shaped(node, blob, [shape[axis] for axis in order])


def shaped(node: Node, blob: str, shape: Sequence[int]) -> None:
    """Make a blob whose batch is apart a node's first output, of a shape that says nothing of it."""
    node.apart = True
    node.shaped(blob, (1, *shape))


def is_possible(making: Making) -> bool:
    """Return whether batches can be apart: all inputs have one that is read as 1, so that its place does not count."""
    if making.recurrent:
        return False
    inputs = [layer for layer in making.layers if isinstance(layer.params, Input)]
    return all(making.blobs[top].shape[:1] == (1,) for layer in inputs for top in layer.tops)


def add_input(making: Making, name: str, blob: str) -> None:
    """Let the name of an input stand for a blob (N, T, ...) as a value (T, N, ...)."""
    first, *rest = making.blobs[blob].shape[1:]
    making.values[name] = making.step(f"{blob}.apart", Reshape(shape=(0, first, 1, *rest)), [blob])
    making.apart.add(name)


def add_output(making: Making, name: str) -> None:
    """Let the name of an output of the graph stand for a blob whose batch is its first axis of extent 1.

    Where the model states its batch, an output without such an axis is of that batch alone.

    Raises
    ------
    UnsupportedError
        Where it has no such axis.
    """
    blob = making.read_at_last(name)
    if name not in making.apart or not isinstance(blob, str):
        return
    _, *shape = making.blobs[blob].shape
    if 1 not in shape and making.is_stated:
        making.values[name] = making.reshaped(blob, "joined", shape or (1,))
        making.apart.remove(name)
        return
    if 1 not in shape:
        raise UnsupportedError(f"the output {name!r}, of shape {tuple(shape)}, has no axis that is the batch")
    axis = shape.index(1)
    shape.remove(1)
    blob = making.step(f"{name}.first" if axis else name, Reshape(shape=(0, *shape)), [blob])
    if axis:
        order = (*range(1, axis + 1), 0, *range(axis + 1, len(shape) + 1))
        blob = making.step(name, Permute(order=order), [blob])
    making.values[name] = blob
    making.apart.remove(name)
