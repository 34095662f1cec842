"""Where: one of two values by a condition; constants among them become blobs of one value, or of many."""

import numpy as np

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.arithmetic import along, can_repeat, lies_along, repeated
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import Array
from xdn.layers.bias import Bias
from xdn.layers.power import Power
from xdn.layers.where import Where


@READERS.register("Where")
def where(node: Node) -> None:
    """Where, whose operands are repeated to one shape.

    Refused: a constant that makes blobs larger, or differs from image to image, and blobs that cannot be repeated.
    """
    given = [number for number in range(3) if not node.is_constant(number)]
    shapes = [node.shape(number) for number in given]
    if not can_repeat(shapes):
        raise UnsupportedError(f"its operands have shapes {', '.join(map(str, shapes))}")
    blobs = {number: repeated(node, node.bottom(number), shapes) for number in given}
    like = blobs[given[0]]
    for number in set(range(3)).difference(given):
        blobs[number] = _blob_of(node, node.constant(number, "operand"), like)
    node.top(Where(), [blobs[number] for number in range(3)])


def _blob_of(node: Node, value: Array, like: str) -> str:
    """Return a constant as a blob of the shape of another, of which nothing is left."""
    shape = node.shape_of(like)
    if not lies_along(value, shape):
        raise UnsupportedError(
            f"a constant of shape {value.shape} makes a blob of shape {shape} larger, or is no image's"
        )
    if value.size == 1:
        return node.step("constant", Power(scale=0.0, shift=float(value.reshape(()))), [like])
    axis, operand = along(value.astype(np.float32), shape)
    nothing = node.step("nothing", Power(scale=0.0), [like])
    return node.step("constant", Bias(axis=axis, num_axes=operand.ndim), [nothing], {"bias": operand})
