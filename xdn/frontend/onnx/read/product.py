"""Products of matrices: Gemm and MatMul, with weights of the model or of two blobs."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.graph import Array
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.matmul import MatMul
from xdn.layers.permute import Permute
from xdn.layers.power import Power


@READERS.register("Gemm")
def gemm(node: Node) -> None:
    """InnerProduct, alpha and beta multiplied into its weights; MatMul of two blobs.

    Refused: a constant as the first input, that one transposed beside a constant, and a third input that differs
    from image to image.
    """
    if not node.is_constant(1):
        _gemm_of_blobs(node)
        return
    weight = node.constant(1, "second input")
    axis = len(node.shape()) - 1
    if axis != 1 + node.apart or weight.ndim != 2 or node.attribute("transA", 0):
        shapes = f"of shapes {node.shape()} and {weight.shape}"
        raise UnsupportedError(f"its inputs, {shapes}, are no matrices, or the first one is transposed")
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
    blob = node.step("product", params, [_left(node), node.bottom(1)])
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if not node.has(2):
        node.top(Power(scale=alpha), [blob])
    elif node.shape(2) != node.shape_of(blob):
        raise UnsupportedError(f"a third input of shape {node.shape(2)} for a product of shape {node.shape_of(blob)}")
    else:
        node.top(Eltwise(operation="SUM", coeff=(alpha, beta)), [blob, node.bottom(2)])


def _left(node: Node) -> str:
    """Return the first input's blob; a product of a constant with images would mix these."""
    if node.is_constant(0):
        raise UnsupportedError("its first input must not be a constant")
    return node.bottom()


@READERS.register("MatMul")
def matmul(node: Node) -> None:
    """InnerProduct along the last axis, or along the one before it; MatMul of two blobs.

    Refused: a constant of other than two axes, and a blob of one axis.
    """
    if node.is_constant(1):
        weight = node.constant(1, "second input")
        if weight.ndim != 2 or len(node.shape()) < 2:
            raise UnsupportedError(f"its inputs are of shapes {node.shape()} and {weight.shape}")
        node.bottom()
        _times(node, weight)
    elif node.is_constant(0):
        _from_left(node, node.constant(0, "first input"))
    elif node.apart and len(node.shape()) < 3:
        raise UnsupportedError(f"its inputs are vectors, of shapes {node.shape()[1:]} and {node.shape(1)[1:]}")
    else:
        node.top(MatMul(), [node.bottom(0), node.bottom(1)])


def _times(node: Node, weight: Array) -> None:
    """Make the first input times a matrix the first output."""
    params = InnerProduct(num_output=weight.shape[1], bias_term=False, axis=len(node.shape()) - 1, transpose=True)
    node.top(params, None, {"weight": weight} | node.filter_scales(weight.shape[1]))


def _from_left(node: Node, weight: Array) -> None:
    """Make a matrix times the second input the first output: the last two axes change places before and after."""
    shape = node.shape(1)
    if weight.ndim != 2 or len(shape) < 3:
        raise UnsupportedError(f"its inputs are of shapes {weight.shape} and {shape}")
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
