"""Products of matrices: Gemm and MatMul, with weights of the model or of two blobs."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import Array, Shape
from xdn.layers.binary import Binary
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.matmul import MatMul
from xdn.layers.permute import Permute
from xdn.layers.power import Power
from xdn.layers.reshape import Reshape


@READERS.register("Gemm")
def gemm(node: Node) -> None:
    """InnerProduct, alpha and beta multiplied into its weights; MatMul of two blobs.

    Refused: where images are mixed, by a constant as the first input, by the first one transposed beside a constant, or
    by a third input.
    """
    if node.is_constant(0) or not node.is_constant(1):
        _gemm_of_blobs(node)
        return
    weight = node.constant(1, "second input")
    axis = len(node.shape()) - 1
    if axis != 1 + node.apart or weight.ndim != 2:
        raise ShapeError(f"its inputs, of shapes {node.shape()} and {weight.shape}, are not matrices")
    if node.attribute("transA", 0) and not node.alone:
        raise UnsupportedError("its first input is transposed beside a constant")
    if node.attribute("transA", 0) or (node.has(2) and not node.is_constant(2)):
        _gemm_of_blobs(node)
        return
    alpha, by_rows = node.attribute("alpha", 1.0), bool(node.attribute("transB", 0))
    outputs = weight.shape[0 if by_rows else 1]
    node.bottom()
    # Large weights stay the model's own array: neither turned around nor multiplied by 1.
    weights = (
        {"weight": weight, **node.filter_scales(outputs)} if alpha == 1 else {"weight": np.float32(alpha) * weight}
    )
    if node.has(2):
        weights["bias"] = _gemm_bias(node, outputs)
    params = InnerProduct(num_output=outputs, bias_term=node.has(2), axis=axis, transpose=not by_rows)
    node.top(params, None, weights)


def _gemm_bias(node: Node, outputs: int) -> Array:
    """Return beta times the third input, one value for each output."""
    bias = np.float32(node.attribute("beta", 1.0)) * node.constant(2, "third input")
    if bias.ndim == 2 and bias.shape[0] != 1:
        raise UnsupportedError(f"a bias of shape {bias.shape}, that differs from image to image")
    if bias.size not in (1, outputs):
        raise ShapeError(f"a bias of shape {bias.shape} for {outputs} outputs")
    return np.broadcast_to(bias.reshape(-1), (outputs,))


def _gemm_of_blobs(node: Node) -> None:
    """Make alpha times the product of two blobs, and beta times a third one, the first output."""
    params = MatMul(transpose_a=bool(node.attribute("transA", 0)), transpose_b=bool(node.attribute("transB", 0)))
    blob = node.step("product", params, [_of_one_batch(node, 0), _of_one_batch(node, 1)])
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if not node.has(2):
        node.top(Power(scale=alpha), [blob])
    elif not node.is_constant(2) and node.shape(2) == node.shape_of(blob):
        node.top(Eltwise(operation="SUM", coeff=(alpha, beta)), [blob, node.bottom(2)])
    else:
        product = node.step("scaled", Power(scale=alpha), [blob])
        added = node.step("added", Power(scale=beta), [_of_one_batch(node, 2)])
        node.top(Binary(operation="ADD"), [product, added])


def _of_one_batch(node: Node, index: int) -> str:
    """Return the blob of an input, a constant or one without a batch among blobs only where there is one batch."""
    if node.is_constant(index) and not node.alone:
        raise UnsupportedError(f"its input {index} must not be a constant")
    return node.operand(index)


@READERS.register("MatMul")
def matmul(node: Node) -> None:
    """InnerProduct along the last axis, or along the one before it; MatMul of two blobs.

    Refused: where images are mixed, by a constant of one axis, or of several matrices, or a blob of one axis.
    """
    shapes = [node.value_shape(0), node.value_shape(1)]
    if node.is_constant(1) and len(shapes[1]) == 2 <= len(shapes[0]) + node.apart:
        node.bottom()
        _times(node, node.constant(1, "second input"))
    elif node.is_constant(0) and len(shapes[0]) == 2 <= len(shapes[1]) - 1 + node.apart:
        _from_left(node, node.constant(0, "first input"))
    elif not node.alone and (node.is_constant(0) or node.is_constant(1) or min(map(len, shapes)) < 2):
        raise UnsupportedError(f"its inputs are of shapes {shapes[0]} and {shapes[1]}")
    else:
        _of_matrices(node, shapes)


def _of_matrices(node: Node, shapes: Sequence[Shape]) -> None:
    """Make the product of two blobs the first output; a vector is a row before a matrix, and a column after it."""
    blobs = [node.operand(0), node.operand(1)]
    if min(map(len, shapes)) > 1:
        node.top(MatMul(), blobs)
        return
    for number, matrix in enumerate(((1, 1, *shapes[0]), (1, *shapes[1], 1))):
        if len(shapes[number]) < 2:
            blobs[number] = node.step("matrix", Reshape(shape=matrix), [blobs[number]])
    product = node.step("product", MatMul(), blobs)
    *lead, rows, columns = node.shape_of(product)
    kept = [rows] * (len(shapes[0]) > 1) + [columns] * (len(shapes[1]) > 1)
    node.shaped(product, (*lead, *kept))


def _times(node: Node, weight: Array) -> None:
    """Make the first input times a matrix the first output."""
    params = InnerProduct(num_output=weight.shape[1], bias_term=False, axis=len(node.shape()) - 1, transpose=True)
    node.top(params, None, {"weight": weight} | node.filter_scales(weight.shape[1]))


def _from_left(node: Node, weight: Array) -> None:
    """Make a matrix times the second input the first output: the last two axes change places before and after."""
    shape = node.shape(1)
    *lead, rows, columns = range(len(shape))
    turned = node.step("turned", Permute(order=(*lead, columns, rows)), [node.bottom(1)])
    params = InnerProduct(num_output=weight.shape[0], bias_term=False, axis=rows + 1)
    product = node.step("product", params, [turned], {"weight": weight})
    node.top(Permute(order=(*lead, columns, rows)), [product])


def mixed(node: Node, blob: str, axis: int, weight: Array) -> str:
    """Return a blob whose entries along an axis, none of the batch, are sums of those before, by InnerProduct.

    Parameters
    ----------
    weight : (before, after) f32
    """
    last = len(node.shape_of(blob)) - 1
    params = InnerProduct(num_output=weight.shape[1], bias_term=False, axis=last, transpose=True)
    if axis == last:
        return node.step("sums", params, [blob], {"weight": weight})
    order = tuple({axis: last, last: axis}.get(each, each) for each in range(last + 1))
    turned = node.step("turned", Permute(order=order), [blob])
    return node.step("back", Permute(order=order), [node.step("sums", params, [turned], {"weight": weight})])
