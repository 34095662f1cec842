"""Sparsify: small values become 0."""

import numpy as np

from xdn.layers.base import Field, Message, layer_type, proto
from xdn.layers.function import Arithmetic, Constant, Function, Functional, Node, Value, X, node


@layer_type("Sparsify")
class Sparsify(Function):
    """Sparsify: y = 0 where abs(x) <= thre, else x (Wen et al. 2016; sparsify_layer.cpp of their Caffe)."""

    message = Message("SparsifyParameter", "sparsify_param", 2033)
    unused = {"coef": Field(1, "float"), "display": Field(3, "bool")}
    word = "sparsify"
    always_jumps = True  # At the threshold.

    thre: float = proto(2, "float", default=0.0)

    def numpy(self, x: Value) -> Value:
        """A comparison (NaN stays NaN)."""
        return np.where(np.abs(x) <= np.float32(self.thre), np.float32(0), x)

    @staticmethod
    def formula(m: Arithmetic, x: Value, thre: Value) -> Value:
        """A comparison of the magnitude."""
        return m.where(m.magnitude(x), "<=", thre, m.number(0), x)

    def onnx(self) -> Node:
        """Where."""
        small = node("LessOrEqual", node("Abs", X, name="magnitude"), Constant("thre", self.thre), name="small")
        return node("Where", small, Constant("zero", 0), X)

    def torch(self, functional: Functional, x: Value) -> Value:
        """A comparison."""
        return x.masked_fill(x.abs() <= self.thre, 0)
