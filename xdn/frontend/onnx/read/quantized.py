"""QuantizeLinear and DequantizeLinear, and Cast to bf16 and back: how the layers after them read a blob.

Both together round the values of a blob; a layer of which all bottoms are rounded so reads integers, or bf16. Where a
layer cannot, a Power that changes nothing but reads so stands before it; what only hands values on is left alone.
Scales of filters are kept, so that their integers are those of the model.
"""

import logging
from math import prod

import numpy as np
from onnx import TensorProto, helper

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.fold import check_size
from xdn.frontend.onnx.read.making import BOUNDS, EXACT, REAL_TYPES, Integers, Read
from xdn.graph import Array, Bf16, Quantized, Reading, Shape
from xdn.layers.binary import Binary
from xdn.layers.power import Power
from xdn.layers.unary import Unary

log = logging.getLogger(__name__)

#: The largest number of a byte.
_BYTE = (1 << 8) - 1

#: Type and zero point of integers -> whether XDN has them as s8; the same 256 values in a row, zero among them.
_SIGNED: dict[tuple[int, int], bool] = {
    (TensorProto.UINT8, 0): False,
    (TensorProto.INT8, -128): False,
    (TensorProto.INT8, 0): True,
    (TensorProto.UINT8, 128): True,
}


def _stored(node: Node) -> Integers | None:
    """Return what integers of 8 bits a node makes, or takes; None of others, of several scales, or of blobs."""
    if not node.is_constant(1) or (node.has(2) and not node.is_constant(2)):
        return None
    scale = node.constant(1, "scale")
    zero = node.constant(2, "zero point") if node.has(2) else np.array(0, np.uint8)
    said = node.attribute("output_dtype", 0)
    kind = said or helper.np_dtype_to_tensor_dtype(zero.dtype)
    if scale.size != 1 or zero.size != 1 or kind not in (TensorProto.UINT8, TensorProto.INT8):
        return None
    return Integers(float(scale.reshape(())), int(zero.reshape(())), kind)


def _reading(node: Node, stored: Integers) -> Quantized | None:
    """Return as what integers of 8 bits values are read; None where XDN has none of that zero point."""
    signed = _SIGNED.get((stored.kind, stored.zero))
    if signed is None:
        kind = TensorProto.DataType.Name(stored.kind).lower()
        what = "%s: integers of %s with a zero point of %d are not read; what reads them computes in f32"
        log.warning(what, node.place, kind, stored.zero)
        return None
    return Quantized(stored.scale, signed)


@READERS.register("QuantizeLinear")
def quantize(node: Node) -> None:
    """Integers of a blob; where they are not of 8 bits, or differ in their scales, or are read themselves: layers.

    Refused: scales or zero points that are no constants but for a number, or differ from image to image.
    """
    stored = _stored(node)
    if stored is not None:
        how = _reading(node, stored)
        node.stands_for(Read(_real(node, how), how, stored))
        node.making.types[node.proto.output[0]] = stored.kind
        return
    kind = node.type_of(2) if node.has(2) else node.attribute("output_dtype", 0) or TensorProto.UINT8
    if kind not in BOUNDS:
        raise UnsupportedError(f"it makes numbers of type {_called(kind)}")
    zero = _laid(node, 2) if node.has(2) else 0.0
    node.stands_for(node.making.integers(node.bottom(), _laid(node, 1), zero, BOUNDS[kind]))
    node.making.types[node.proto.output[0]] = kind


def _laid(node: Node, index: int) -> str:
    """Return the blob of the scales or zero points that are an input, along the axes of the first one."""
    if not node.is_constant(index):
        if prod(node.shape(index)) != 1:
            raise UnsupportedError(f"its input {index} must be a constant, or one number")
        return node.bottom(index)
    value = _along(node, node.constant(index, "scale"), node.value_shape())
    if node.apart:
        value = value[np.newaxis]
    elif value.ndim == len(node.shape()) and value.shape[0] > 1:
        raise UnsupportedError("it is along the batch")
    return node.made(f"input{index}", value)


def _along(node: Node, value: Array, shape: Shape) -> Array:
    """Return scales or zero points as they broadcast with an array of a shape: one, some along an axis, or of blocks.

    Raises
    ------
    ShapeError
        Where they are not as many.
    """
    value = value.astype(np.float32)
    if value.ndim == 0:
        return value.reshape(1)
    axis, block = node.attribute("axis", 1), node.attribute("block_size", 0)
    axis = axis % len(shape) if -len(shape) <= axis < len(shape) else 0
    if value.ndim == 1 and not block:
        value = value.reshape(-1, *(1,) * (len(shape) - 1 - axis))
    elif block > 0 and value.ndim == len(shape):
        value = _repeated(value, axis, min(block, shape[axis]), shape[axis])
    aligned = (1,) * (len(shape) - value.ndim) + value.shape
    if len(aligned) != len(shape) or any(own not in (1, extent) for own, extent in zip(aligned, shape, strict=True)):
        raise ShapeError(f"scales of shape {value.shape} for values of shape {tuple(shape)}")
    return value


def _repeated(value: Array, axis: int, block: int, extent: int) -> Array:
    """Return each number of an axis as often as a block is long, up to an extent."""
    before = (slice(None),) * axis
    needed = value[(*before, slice(-(-extent // block)))]
    check_size((needed.size, block))
    return needed.repeat(block, axis=axis)[(*before, slice(extent))]


def _real(node: Node, how: Reading | None) -> str:
    """Return the blob that is rounded; one that is rounded otherwise already is another one."""
    blob, value = node.bottom(), node.value()
    before = value.how if isinstance(value, Read) else None
    return blob if before in (None, how) else node.making.rounded(blob, before)


@READERS.register("DequantizeLinear")
def dequantize(node: Node) -> None:
    """The values that integers stand for, those of a blob or of a constant.

    Refused: scales or zero points that are no constants but for a number, or differ from image to image.
    """
    value, stored = node.value(), _stored(node)
    if isinstance(value, np.ndarray) and node.is_constant(1):
        node.stands_for(_constant(node, value))
        node.making.scales[node.proto.output[0]] = node.constant(1, "scale").reshape(-1)
    elif isinstance(value, Read) and stored is not None and value.stored == stored:
        node.stands_for(Read(value.blob, value.how))
    else:
        blob = node.bottom()
        if node.has(2):
            blob = node.step("above", Binary(operation="SUB"), [blob, _laid(node, 2)])
        node.top(Binary(operation="MUL"), [blob, _laid(node, 1)])


def _constant(node: Node, integers: Array) -> Array:
    """Return (integer - zero point) * scale of a constant."""
    scale = _along(node, node.constant(1, "scale"), integers.shape)
    zero = node.constant(2, "zero point") if node.has(2) else np.zeros((), integers.dtype)
    difference = integers.astype(np.float64) - _along(node, zero, integers.shape)
    return np.asarray(difference.astype(np.float32) * scale).reshape(integers.shape)


@READERS.register("Cast")
def cast(node: Node) -> None:
    """Another name, between formats of real numbers, in all of which is computed as f32; a reading in bf16.

    Whole numbers are what is before the point, truth values what is not zero.

    Refused: numbers of 8 or 4 bits with a point, complex ones, and texts.
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
        node.stands_for(Read(_real(node, Bf16()), Bf16(), Bf16()))
    elif to == TensorProto.BOOL:
        node.top(Binary(operation="NOT_EQUAL"), [node.bottom(), node.number(0)])
    elif to in BOUNDS:
        blob = node.bottom() if node.is_whole(0) else node.step("whole", Unary(operation="TRUNC"), [node.bottom()])
        node.stands_for(_wrapped(node, blob, to))
    elif to not in REAL_TYPES:
        raise UnsupportedError(f"it makes numbers of type {_called(to)}")
    elif isinstance(value, Read) and not isinstance(value.stored, Integers):
        node.stands_for(Read(value.blob, value.how))
    else:
        node.stands_for(node.bottom())


def _wrapped(node: Node, blob: str, to: int) -> str:
    """Return whole numbers as integers of a type, of which only the lower bits are left where these are fewer.

    Nothing is said of the numbers of other types that are beyond those of 8 bits or more.
    """
    (low, high), source = BOUNDS[to], node.type_of(0)
    least, most = BOUNDS.get(source, (low, high) if high - low >= _BYTE else (0, _BYTE))
    if (low <= least and most <= high) or source == TensorProto.BOOL or high - low > EXACT:
        return blob
    above = node.step("above", Power(shift=float(-low)), [blob])
    rest = node.step("rest", Binary(operation="MOD"), [above, node.number(high - low + 1)])
    return node.step("wrapped", Power(shift=float(low)), [rest]) if low else rest


def _called(kind: int) -> str:
    """Return what ONNX calls a type."""
    return TensorProto.DataType.Name(kind) if kind in TensorProto.DataType.values() else str(kind)
