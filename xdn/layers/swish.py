"""Swish: x times its sigmoid."""

import numpy as np

from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Function, Functional, Node, Value, X, node, times
from xdn.layers.sigmoid import Sigmoid


@layer_type("Swish")
class Swish(Function):
    """Swish: y = x / (1 + exp(-beta * x)) (Ramachandran et al. 2017)."""

    message = Message("SwishParameter", "swish_param", 147)
    fusable = True
    word = "swish"

    beta: float = proto(1, "float", default=1.0)

    def numpy(self, x: Value) -> Value:
        """x times the sigmoid in f64, then rounded: Caffe's swish_layer.cpp."""
        x = x.astype(np.float64)
        return (x * (0.5 * np.tanh(0.5 * np.float32(self.beta) * x) + 0.5)).astype(np.float32)

    @staticmethod
    def formula(m: Arithmetic, x: Value, beta: Value) -> Value:
        """x / (1 + e**(-beta * x))."""
        return m.mul(x, Sigmoid.formula(m, m.mul(beta, x)))

    def onnx(self) -> Node:
        """x * Sigmoid(beta * x)."""
        return node("Mul", X, node("Sigmoid", times(X, self.beta), name="factor"))

    def torch(self, functional: Functional, x: Value) -> Value:
        """In one call where beta is 1."""
        return functional.silu(x) if self.beta == 1 else x * (self.beta * x).sigmoid()
