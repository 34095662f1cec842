"""Operators of several operands, which broadcast as NumPy does: with constants, of one shape, or of different ones."""

from collections.abc import Callable, Sequence

import numpy as np

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.elementwise import bounded
from xdn.graph import Array, LayerParams
from xdn.layers.bias import Bias
from xdn.layers.eltwise import Eltwise
from xdn.layers.flatten import Flatten
from xdn.layers.power import Power
from xdn.layers.scale import Scale
from xdn.layers.tile import Tile


@READERS.register("Add", "Sub", "Mul", "Div")
def binary(node: Node) -> None:
    """Sum, difference, product or quotient of two operands."""
    if node.proto.op_type == "Div" and node.whole:
        raise UnsupportedError("it divides whole numbers, and drops what remains")
    if node.is_constant(0) or node.is_constant(1):
        _with_constant(node, 1 if node.is_constant(1) else 0)
        return
    one, other = node.bottom(0), node.bottom(1)
    kind = node.proto.op_type
    if kind == "Div":
        other = node.step("reciprocal", Power(power=-1.0), [other])
    if kind in ("Mul", "Div"):
        _combined(node, [one, other], Eltwise(operation="PROD"), Scale(axis=0))
    elif kind == "Add":
        _combined(node, [one, other], Eltwise(operation="SUM"), Bias(axis=0))
    else:
        _combined(node, [one, other], Eltwise(operation="SUM", coeff=(1.0, -1.0)), None)


def _with_constant(node: Node, index: int) -> None:
    """Read an operation with a constant, whose place among the operands is `index`."""
    value, kind = node.constant(index, "operand").astype(np.float32), node.proto.op_type
    blob = node.bottom(1 - index)
    if kind == "Div" and index == 0:
        blob = node.step("reciprocal", Power(power=-1.0), [blob])
    elif kind == "Div":
        with np.errstate(divide="ignore"):
            value = np.float32(1) / value
    elif kind == "Sub" and index == 0:
        blob = node.step("negative", Power(scale=-1.0), [blob])
    elif kind == "Sub":
        value = -value
    product = kind in ("Mul", "Div")
    if value.size == 1 and value.ndim <= len(node.shape_of(blob)):
        number = float(value.reshape(()))
        node.top(Power(scale=number) if product else Power(shift=number), [blob])
        return
    axis, operand = _along(node, value, blob)
    params: LayerParams = (Scale if product else Bias)(axis=axis, num_axes=operand.ndim)
    node.top(params, [blob], {"scale" if product else "bias": operand})


def _along(node: Node, value: Array, blob: str) -> tuple[int, Array]:
    """Return a constant along neighbouring axes of a blob, and the first of them."""
    shape = node.shape_of(blob)
    aligned = value.reshape((1,) * (len(shape) - value.ndim) + value.shape)
    pairs = list(zip(aligned.shape, shape, strict=False))
    if len(aligned.shape) != len(shape) or any(own not in (1, extent) for own, extent in pairs):
        raise UnsupportedError(f"a constant of shape {value.shape} makes a blob of shape {shape} larger")
    axes = [axis for axis, own in enumerate(aligned.shape) if own > 1]
    if axes[0] == 0:
        raise UnsupportedError(f"a constant of shape {value.shape} differs from image to image")
    first, end = axes[0], axes[-1] + 1
    return first, np.broadcast_to(aligned, (*aligned.shape[:first], *shape[first:end], *aligned.shape[end:])).reshape(
        shape[first:end]
    )


def _combined(node: Node, blobs: Sequence[str], alike: LayerParams, spread: LayerParams | None) -> None:
    """Combine two blobs: of one shape, or the smaller one laid along the larger one's last axes, or repeated."""
    shapes = [node.shape_of(blob) for blob in blobs]
    rank = max(map(len, shapes))
    if shapes[0] == shapes[1]:
        node.top(alike, blobs)
        return
    if len(shapes[0]) != len(shapes[1]):
        raise UnsupportedError(f"its operands have shapes {shapes[0]} and {shapes[1]}")
    large, small = (0, 1) if np.prod(shapes[0]) >= np.prod(shapes[1]) else (1, 0)
    of_channels = shapes[small] == (*shapes[large][:2], *(1,) * (rank - 2))
    if spread is not None and of_channels and rank > 2:
        factors = node.step("flat", Flatten(), [blobs[small]])
        node.top(spread, [blobs[large], factors])
        return
    node.top(alike, [_repeated(node, blob, shapes) for blob in blobs])


def _repeated(node: Node, blob: str, shapes: Sequence[Sequence[int]]) -> str:
    """Return a blob repeated along the axes in which others are larger."""
    for axis, extents in enumerate(zip(*shapes, strict=True)):
        own, wanted = node.shape_of(blob)[axis], max(extents)
        if own not in (1, wanted) or (axis == 0 and own != wanted):
            raise UnsupportedError(f"its operands have shapes {', '.join(map(str, shapes))}")
        if own != wanted:
            blob = node.step("repeated", Tile(axis=axis, tiles=wanted), [blob])
    return blob


def _folded(node: Node, combine: Callable[[Array, Array], Array]) -> tuple[list[str], Array | None]:
    """Return the blobs among the operands, and its constants as one."""
    numbers = range(len(node.proto.input))
    blobs = [node.bottom(i) for i in numbers if not node.is_constant(i)]
    constants = [node.constant(i, "operand") for i in numbers if node.is_constant(i)]
    found = None
    for each in constants:
        found = each if found is None else combine(found, each)
    return blobs, found


def _alike(node: Node, blobs: Sequence[str]) -> list[str]:
    """Return blobs repeated to one shape."""
    shapes = [node.shape_of(blob) for blob in blobs]
    if len(set(map(len, shapes))) > 1:
        raise UnsupportedError(f"its operands have shapes {', '.join(map(str, shapes))}")
    return [_repeated(node, blob, shapes) for blob in blobs]


@READERS.register("Sum", "Mean")
def total(node: Node) -> None:
    """Eltwise SUM of blobs, for Mean with coefficients."""
    blobs, constant = _folded(node, np.add)
    if constant is not None:
        raise UnsupportedError("one of its operands is a constant")
    if len(blobs) == 1:
        node.stands_for(blobs[0])
        return
    coeff = (1.0 / len(blobs),) * len(blobs) if node.proto.op_type == "Mean" else ()
    node.top(Eltwise(operation="SUM", coeff=coeff), _alike(node, blobs))


@READERS.register("Max", "Min")
def extreme(node: Node) -> None:
    """Eltwise MAX of blobs, for Min of their negatives; a constant is a bound."""
    largest = node.proto.op_type == "Max"
    blobs, constant = _folded(node, np.maximum if largest else np.minimum)
    if constant is not None and constant.size > 1:
        raise UnsupportedError(f"a constant of shape {constant.shape} is one of its operands")
    found = _alike(node, blobs)
    if len(found) == 1:
        blob = found[0]
    elif largest:
        blob = node.step("largest", Eltwise(operation="MAX"), found)
    else:
        negative = [node.step("negative", Power(scale=-1.0), [each]) for each in found]
        blob = node.step("positive", Power(scale=-1.0), [node.step("least", Eltwise(operation="MAX"), negative)])
    bound = {} if constant is None else {"low" if largest else "high": float(constant.reshape(()))}
    bounded(node, blob, **bound)


@READERS.register("Pow")
def power(node: Node) -> None:
    """Power by a constant."""
    exponent = node.constant(1, "exponent")
    if exponent.size != 1:
        raise UnsupportedError(f"exponents of shape {exponent.shape}")
    node.top(Power(power=float(exponent.reshape(()))))
