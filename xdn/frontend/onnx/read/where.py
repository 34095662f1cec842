"""Where: one of two values by a condition; constants among them become blobs of one value, or of many."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.arithmetic import blob_like, lies_along, spread
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import Shape
from xdn.layers.where import Where


@READERS.register("Where")
def where(node: Node) -> None:
    """Where, whose operands are repeated to one shape.

    Refused: a constant that differs from image to image, and blobs that differ in how many axes they have.
    """
    shape = _broadcast(node)
    blobs = {number: spread(node, node.bottom(number), shape) for number in range(3) if not node.is_constant(number)}
    like = next(iter(blobs.values()))
    for number in set(range(3)).difference(blobs):
        blobs[number] = blob_like(node, number, like)
    node.top(Where(), [blobs[number] for number in range(3)])


def _broadcast(node: Node) -> Shape:
    """Return the shape to which all operands are repeated, as that of a blob.

    Raises
    ------
    ShapeError, UnsupportedError
        Where they cannot be, or not image by image.
    """
    constants = [node.constant(number, "operand") for number in range(3) if node.is_constant(number)]
    blobs = [node.shape(number) for number in range(3) if not node.is_constant(number)]
    given = [(1,) * node.apart + value.shape for value in constants]
    try:
        shape = np.broadcast_shapes(*given, *blobs)
    except ValueError:
        raise ShapeError(f"its operands have shapes {', '.join(map(str, given + blobs))}") from None
    if 0 in shape:
        raise ShapeError(f"one of its operands, of shapes {', '.join(map(str, given + blobs))}, is empty")
    if not node.alone and {(len(each), each[:1]) for each in blobs} != {(len(shape), shape[:1])}:
        raise UnsupportedError(f"its operands have shapes {', '.join(map(str, given + blobs))}")
    if not all(lies_along(value, shape) for value in constants):
        raise UnsupportedError("its constant differs from image to image")
    return shape
