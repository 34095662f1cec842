"""QuantizeLinear and DequantizeLinear, and Cast to bf16 and back: how the layers after them read a blob.

Both together round the values of a blob; a layer of which all bottoms are rounded so reads integers, or bf16. Where a
layer cannot, a Power that changes nothing but reads so stands before it; what only hands values on is left alone.
Scales of filters are kept, so that their integers are those of the model.
"""

import logging

import numpy as np
from onnx import TensorProto, helper

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.making import REAL_TYPES, WHOLE_TYPES, Read
from xdn.graph import Array, Bf16, Quantized, Reading
from xdn.layers.binary import Binary
from xdn.layers.unary import Unary

log = logging.getLogger(__name__)

#: Type and zero point of integers -> whether XDN has them as s8; the same 256 values in a row, zero among them.
_SIGNED = {
    (np.uint8, 0): False,
    (np.int8, -128): False,
    (np.int8, 0): True,
    (np.uint8, 128): True,
}


def _reading(node: Node) -> Quantized | None:
    """Return as what integers a node makes or takes values; None where XDN has none of that zero point or type."""
    scale = node.constant(1, "scale")
    zero = node.constant(2, "zero point") if node.has(2) else np.array(0, np.uint8)
    if scale.size != 1 or zero.size != 1:
        raise UnsupportedError(f"its scales, of shape {scale.shape}, differ along an axis")
    signed = _SIGNED.get((zero.dtype.type, int(zero.reshape(()))))
    if signed is None:
        what = "%s: integers of %s with a zero point of %d are not read; what reads them computes in f32"
        log.warning(what, node.place, zero.dtype, int(zero.reshape(())))
        return None
    return Quantized(float(scale.reshape(())), signed)


@READERS.register("QuantizeLinear")
def quantize(node: Node) -> None:
    """Integers of a blob.

    Refused: a scale or zero point that is no constant, or of which there are several.
    """
    how = _reading(node)
    node.stands_for(Read(_real(node, how), how, stored=True))


def _real(node: Node, how: Reading | None) -> str:
    """Return the blob that is rounded; one that is rounded otherwise already is another one."""
    blob, value = node.bottom(), node.value()
    before = value.how if isinstance(value, Read) else None
    return blob if before in (None, how) else node.making.rounded(blob, before)


@READERS.register("DequantizeLinear")
def dequantize(node: Node) -> None:
    """The values that integers stand for, those of a blob or of a constant.

    Refused: integers that are no constant, nor those of a QuantizeLinear of the same scale; blocks of scales.
    """
    value = node.value()
    if isinstance(value, np.ndarray):
        node.stands_for(_constant(node, value))
        node.making.scales[node.proto.output[0]] = node.constant(1, "scale").reshape(-1)
        return
    if not isinstance(value, Read) or not value.stored or value.how != _reading(node):
        raise UnsupportedError("its integers are not those of a QuantizeLinear of the same scale")
    node.stands_for(Read(value.blob, value.how))


def _constant(node: Node, integers: Array) -> Array:
    """Return (integer - zero point) * scale of a constant, with one scale and zero point, or some along an axis."""
    scale = node.constant(1, "scale").astype(np.float32)
    zero = node.constant(2, "zero point") if node.has(2) else np.zeros(scale.shape, integers.dtype)
    if scale.ndim > 1 or node.attribute("block_size", 0) or zero.shape != scale.shape:
        raise UnsupportedError(f"it has scales of shape {scale.shape}, and zero points of shape {zero.shape}")
    if scale.size > 1:
        axis = node.axis(node.attribute("axis", 1), integers.ndim)
        if integers.shape[axis] != scale.size:
            raise ShapeError(f"{scale.size} scales along axis {axis} of a constant of shape {integers.shape}")
        scale, zero = (each.reshape(-1, *(1,) * (integers.ndim - 1 - axis)) for each in (scale, zero))
    # NumPy makes numbers of arrays without axes.
    return np.asarray((integers.astype(np.int64) - zero.astype(np.int64)).astype(np.float32) * scale)


@READERS.register("Cast")
def cast(node: Node) -> None:
    """Another name, between formats of real numbers, in all of which is computed as f32; a reading in bf16.

    Whole numbers are what is before the point, truth values what is not zero.

    Refused: numbers of 8 bits with a point, of 4 or 2 bits, complex ones, and texts.
    """
    _cast(node, node.attribute("to"))


@READERS.register("CastLike")
def cast_like(node: Node) -> None:
    """As Cast to the type of a constant.

    Refused: a second input that is no constant.
    """
    _cast(node, helper.np_dtype_to_tensor_dtype(node.constant(1, "second input").dtype))


def _cast(node: Node, to: int) -> None:
    """Make the first input, as numbers of a type, the first output."""
    value = node.value()
    if to == TensorProto.BFLOAT16:
        node.stands_for(Read(_real(node, Bf16()), Bf16(), stored=True))
    elif to == TensorProto.BOOL:
        node.top(Binary(operation="NOT_EQUAL"), [node.bottom(), node.number(0)])
    elif to in WHOLE_TYPES:
        if node.is_whole(0):
            node.stands_for(node.bottom())
        else:
            node.top(Unary(operation="TRUNC"))
    elif to not in REAL_TYPES:
        known = to in TensorProto.DataType.values()
        raise UnsupportedError(f"it makes numbers of type {TensorProto.DataType.Name(to) if known else to}")
    elif isinstance(value, Read):
        node.stands_for(Read(value.blob, value.how))
    else:
        node.stands_for(value)
