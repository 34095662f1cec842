"""Products of integers, as those of the numbers that they stand for."""

from typing import Any

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.functions import other

_ATTRIBUTES = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")


def _above(node: Node, integers: int, zero: int, after: int = 0) -> str:
    """Return the name of the differences of integers, an input, and zero points, another one.

    Where there are several of these, so many axes of the integers follow theirs.
    """
    real = other(node, "Cast", [node.proto.input[integers]], to=TensorProto.FLOAT)
    if not node.has(zero):
        return real
    taken = other(node, "Cast", [node.proto.input[zero]], to=TensorProto.FLOAT)
    if after and node.is_constant(zero) and node.constant(zero, "zero point").size > 1:
        taken = other(node, "Reshape", [taken, np.array([-1, *(1,) * after])])
    return other(node, "Sub", [real, taken])


def _own(node: Node) -> dict[str, Any]:
    """Return the attributes of a window."""
    return {name: node.attribute(name) for name in _ATTRIBUTES if node.attribute(name) is not None}


@READERS.register("MatMulInteger")
def matmul_integer(node: Node) -> None:
    """MatMul of the differences of integers and zero points.

    Refused: what is refused of MatMul.
    """
    inputs = [_above(node, 0, 2, 1), _above(node, 1, 3)]
    other(node, "MatMul", inputs, node.proto.output[0])


@READERS.register("ConvInteger")
def conv_integer(node: Node) -> None:
    """Conv of the differences of integers and zero points.

    Refused: what is refused of Conv.
    """
    inputs = [_above(node, 0, 2), _above(node, 1, 3, len(node.shape()) - 1)]
    other(node, "Conv", inputs, node.proto.output[0], **_own(node))


@READERS.register("QLinearMatMul")
def quantized_matmul(node: Node) -> None:
    """DequantizeLinear of both, MatMul, and QuantizeLinear.

    Refused: what is refused of these.
    """
    a, b = (other(node, "DequantizeLinear", node.proto.input[first : first + 3]) for first in (0, 3))
    product = other(node, "MatMul", [a, b])
    other(node, "QuantizeLinear", [product, *node.proto.input[6:8]], node.proto.output[0])


@READERS.register("QLinearConv")
def quantized_conv(node: Node) -> None:
    """DequantizeLinear of images, filters and bias, Conv, and QuantizeLinear.

    Refused: what is refused of these.
    """
    names = list(node.proto.input)
    # An axis cannot be said before operator set 13.
    axis: dict[str, Any] = {"axis": 0} if node.making.opset >= 13 else {}
    inputs = [other(node, "DequantizeLinear", names[:3]), other(node, "DequantizeLinear", names[3:6], **axis)]
    if node.has(8):
        scales = other(node, "Mul", [names[1], names[4]])
        bias = other(node, "Cast", [names[8]], to=TensorProto.FLOAT)
        inputs.append(other(node, "Mul", [bias, scales]))
    sums = other(node, "Conv", inputs, **_own(node))
    other(node, "QuantizeLinear", [sums, *names[6:8]], node.proto.output[0])
