"""Products of matrices: Gemm and MatMul with weights of the model."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.base import READERS, Node
from xdn.layers.innerproduct import InnerProduct


@READERS.register("Gemm")
def gemm(node: Node) -> None:
    """InnerProduct; alpha and beta are multiplied into its weights."""
    weight = node.constant(1, "second input")
    if len(node.shape()) != 2 or weight.ndim != 2 or node.attribute("transA", 0):
        shapes = f"of shapes {node.shape()} and {weight.shape}"
        raise UnsupportedError(f"its inputs, {shapes}, are no matrices, or the first one is transposed")
    weight = np.float32(node.attribute("alpha", 1.0)) * weight
    if node.attribute("transB", 0):
        weight = weight.T
    node.bottom()
    weights = {"weight": weight} | (node.filter_scales(weight.shape[1]) if node.attribute("alpha", 1.0) == 1 else {})
    if node.has(2):
        bias = np.float32(node.attribute("beta", 1.0)) * node.constant(2, "third input")
        if bias.ndim == 2 and bias.shape[0] != 1:
            raise UnsupportedError(f"a bias of shape {bias.shape}, that differs from image to image")
        if bias.size not in (1, weight.shape[1]):
            raise ShapeError(f"a bias of shape {bias.shape} for {weight.shape[1]} outputs")
        weights["bias"] = np.broadcast_to(bias.reshape(-1), weight.shape[1:])
    node.top(InnerProduct(num_output=weight.shape[1], bias_term=node.has(2), transpose=True), None, weights)


@READERS.register("MatMul")
def matmul(node: Node) -> None:
    """InnerProduct along the last axis."""
    weight = node.constant(1, "second input")
    if weight.ndim != 2 or len(node.shape()) < 2:
        raise UnsupportedError(f"its inputs are of shapes {node.shape()} and {weight.shape}")
    params = InnerProduct(num_output=weight.shape[1], bias_term=False, axis=len(node.shape()) - 1, transpose=True)
    node.bottom()
    node.top(params, None, {"weight": weight} | node.filter_scales(weight.shape[1]))
