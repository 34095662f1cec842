"""Operators of several operands, which broadcast as NumPy does: with constants, of one shape, or of different ones."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.frontend.onnx.read.elementwise import bounded, filled
from xdn.graph import Array, LayerParams, Shape
from xdn.layers.bias import Bias
from xdn.layers.binary import Binary
from xdn.layers.eltwise import Eltwise
from xdn.layers.flatten import Flatten
from xdn.layers.power import Power
from xdn.layers.scale import Scale
from xdn.layers.tile import Tile
from xdn.layers.unary import Unary


@READERS.register("Add", "Sub", "Mul", "Div")
def binary(node: Node) -> None:
    """Sum, difference, product or quotient; layers that have kernels where they can, else Binary."""
    kind = node.proto.op_type
    if kind == "Div" and node.is_whole(0):
        quotient = node.step("quotient", Binary(operation="DIV"), [node.blob(0), node.blob(1)])
        node.top(Unary(operation="TRUNC"), [quotient])
    elif not (_with_constant(node) or _of_blobs(node)):
        node.top(Binary(operation=kind.upper()), [node.blob(0), node.blob(1)])


def _with_constant(node: Node) -> bool:
    """Read an operation with a constant by Power, Scale or Bias; return whether there is one that allows that."""
    if not (node.is_constant(0) or node.is_constant(1)):
        return False
    index = 1 if node.is_constant(1) else 0
    value, kind = node.constant(index, "operand").astype(np.float32), node.proto.op_type
    blob = node.bottom(1 - index)
    if value.size == 0:
        raise ShapeError("its constant is empty")
    if not lies_along(value, node.shape_of(blob)):
        return False
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
    if value.size == 1:
        number = float(value.reshape(()))
        node.top(Power(scale=number) if product else Power(shift=number), [blob])
        return True
    axis, operand = along(value, node.shape_of(blob))
    params: LayerParams = (Scale if product else Bias)(axis=axis, num_axes=operand.ndim)
    node.top(params, [blob], {"scale" if product else "bias": operand})
    return True


def lies_along(value: Array, shape: Shape) -> bool:
    """Return whether a constant lies within a blob's axes, the same for all images."""
    if value.ndim > len(shape):
        return False
    aligned = (1,) * (len(shape) - value.ndim) + value.shape
    return value.size == 1 or (
        aligned[0] == 1 and all(own in (1, extent) for own, extent in zip(aligned, shape, strict=True))
    )


def along(value: Array, shape: Shape) -> tuple[int, Array]:
    """Return a constant along neighbouring axes of a blob, and the first of them."""
    aligned = value.reshape((1,) * (len(shape) - value.ndim) + value.shape)
    axes = [axis for axis, own in enumerate(aligned.shape) if own > 1]
    first, end = axes[0], axes[-1] + 1
    return first, np.broadcast_to(aligned, (*aligned.shape[:first], *shape[first:end], *aligned.shape[end:])).reshape(
        shape[first:end]
    )


def _of_blobs(node: Node) -> bool:
    """Read an operation of two blobs by Eltwise, Scale or Bias; return whether it is one whose shapes allow that."""
    if node.is_constant(0) or node.is_constant(1):
        return False
    one, other = node.bottom(0), node.bottom(1)
    kind = node.proto.op_type
    if not can_repeat([node.shape_of(one), node.shape_of(other)]):
        return False
    if kind == "Div":
        other = node.step("reciprocal", Power(power=-1.0), [other])
    if kind in ("Mul", "Div"):
        combined(node, [one, other], Eltwise(operation="PROD"), Scale(axis=0))
    elif kind == "Add":
        combined(node, [one, other], Eltwise(operation="SUM"), Bias(axis=0))
    else:
        combined(node, [one, other], Eltwise(operation="SUM", coeff=(1.0, -1.0)), None)
    return True


def can_repeat(shapes: Sequence[Shape]) -> bool:
    """Return whether blobs have as many axes and one batch, and extents that are repeated where they are 1."""
    if len(set(map(len, shapes))) > 1 or len({shape[:1] for shape in shapes}) > 1:
        return False
    return all(set(extents) <= {1, max(extents)} for extents in zip(*shapes, strict=True))


def combined(node: Node, blobs: Sequence[str], alike: LayerParams, spread: LayerParams | None) -> None:
    """Combine two blobs: of one shape, or the smaller one laid along the larger one's last axes, or repeated."""
    shapes = [node.shape_of(blob) for blob in blobs]
    rank = max(map(len, shapes))
    if shapes[0] == shapes[1]:
        node.top(alike, blobs)
        return
    large, small = (0, 1) if np.prod(shapes[0]) >= np.prod(shapes[1]) else (1, 0)
    of_channels = shapes[small] == (*shapes[large][:2], *(1,) * (rank - 2))
    if spread is not None and of_channels and rank > 2:
        factors = node.step("flat", Flatten(), [blobs[small]])
        node.top(spread, [blobs[large], factors])
        return
    node.top(alike, [repeated(node, blob, shapes) for blob in blobs])


def repeated(node: Node, blob: str, shapes: Sequence[Shape]) -> str:
    """Return a blob repeated along the axes in which others are larger."""
    for axis, extents in enumerate(zip(*shapes, strict=True)):
        own, wanted = node.shape_of(blob)[axis], max(extents)
        if own != wanted:
            blob = node.step("repeated", Tile(axis=axis, tiles=wanted), [blob])
    return blob


def spread(node: Node, blob: str, shape: Shape) -> str:
    """Return a blob repeated along the axes in which another shape is larger, and which it may lack after the first."""
    own = node.shape_of(blob)
    if len(own) < len(shape):
        own = (*own[:1], *(1,) * (len(shape) - len(own)), *own[1:])
        blob = node.in_shape("wide", blob, own)
    return repeated(node, blob, [own, shape])


def blob_like(node: Node, index: int, like: str) -> str:
    """Return an input, a constant which lies along a blob, as a blob of its shape, of which nothing else is left."""
    value, shape = node.constant(index, "operand"), node.shape_of(like)
    if node.alone:
        return node.made(f"input{index}", np.broadcast_to(value, shape))
    if value.size == 1:
        return filled(node, "constant", like, float(value.reshape(())))
    axis, operand = along(value.astype(np.float32), shape)
    nothing = filled(node, "nothing", like, 0.0)
    return node.step("constant", Bias(axis=axis, num_axes=operand.ndim), [nothing], {"bias": operand})


def _chained(node: Node, operation: str, blobs: Sequence[str]) -> str:
    """Return what Binary makes of blobs, one after the other."""
    found = blobs[0]
    for blob in blobs[1:]:
        found = node.step("part", Binary(operation=operation), [found, blob])
    return found


@READERS.register("Sum", "Mean")
def total(node: Node) -> None:
    """Eltwise SUM of blobs, for Mean with coefficients; a chain of Binary where they differ in their axes."""
    blobs = [node.blob(number) for number in range(len(node.proto.input))]
    factor = 1.0 / len(blobs) if node.proto.op_type == "Mean" else 1.0
    shapes = [node.shape_of(blob) for blob in blobs]
    if len(blobs) == 1:
        node.stands_for(blobs[0])
    elif can_repeat(shapes):
        coeff = (factor,) * len(blobs) if factor != 1 else ()
        node.top(Eltwise(operation="SUM", coeff=coeff), [repeated(node, blob, shapes) for blob in blobs])
    else:
        node.top(Power(scale=factor), [_chained(node, "ADD", blobs)])


@READERS.register("Max", "Min")
def extreme(node: Node) -> None:
    """Eltwise MAX of blobs, for Min of their negatives, or a chain of Binary; a constant of one element is a bound."""
    largest, numbers = node.proto.op_type == "Max", range(len(node.proto.input))
    bounds = [node.constant(i, "operand") for i in numbers if node.is_constant(i)]
    bounds = [bound for bound in bounds if bound.size == 1]
    blobs = [node.blob(i) for i in numbers if not node.is_constant(i) or node.constant(i, "operand").size != 1]
    found = _extreme(node, blobs, largest)
    if not bounds:
        node.stands_for(found)
    elif max(bound.ndim for bound in bounds) > len(node.shape_of(found)):
        raise UnsupportedError("its constants have more axes than its blobs")
    else:
        of_all = float((max if largest else min)(float(bound.reshape(())) for bound in bounds))
        bounded(node, found, **{"low" if largest else "high": of_all})


def _extreme(node: Node, blobs: Sequence[str], largest: bool) -> str:
    """Return the blob of the largest, or smallest, of blobs."""
    shapes = [node.shape_of(blob) for blob in blobs]
    if len(blobs) == 1:
        return blobs[0]
    if not can_repeat(shapes):
        return _chained(node, "MAX" if largest else "MIN", blobs)
    alike = [repeated(node, blob, shapes) for blob in blobs]
    if largest:
        return node.step("largest", Eltwise(operation="MAX"), alike)
    negative = [node.step("negative", Power(scale=-1.0), [each]) for each in alike]
    return node.step("positive", Power(scale=-1.0), [node.step("least", Eltwise(operation="MAX"), negative)])


@READERS.register("Pow")
def power(node: Node) -> None:
    """Power by a constant, else Binary."""
    exponent = node.single(1)
    if exponent is None:
        node.top(Binary(operation="POW"), [node.blob(0), node.blob(1)])
    else:
        node.top(Power(power=exponent))


@READERS.register("Mod")
def mod(node: Node) -> None:
    """Binary: the remainder with the sign of the divisor, or with `fmod` of the dividend."""
    operation = "FMOD" if node.attribute("fmod", 0) else "MOD"
    node.top(Binary(operation=operation), [node.blob(0), node.blob(1)])
