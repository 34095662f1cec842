"""Mish: x times the tanh of its softplus."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node

#: Above it mish is its argument, to the last bit, and its quotient would overflow.
FAR = 20.0


@layer_type("Mish")
class Mish(Function):
    """Mish: y = x * tanh(log(1 + exp(x))) (Misra 2019; a layer of YOLOv4's ports)."""

    word = "mish"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """In f64, then rounded."""
        x = bottoms[0].astype(np.float64)
        return ((x * np.tanh(np.logaddexp(0, x))).astype(np.float32),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """A quotient of polynomials in e**x, which does not cancel for x far below 0."""
        far = m.number(FAR)
        e = m.exp(m.where(x, ">", far, far, x))
        n = m.mul(e, m.add(e, m.number(2)))
        return m.where(x, ">", far, x, m.mul(x, m.div(n, m.add(n, m.number(2)))))

    def onnx(self) -> Node:
        """x * Tanh(Softplus(x)): opset 17 has no Mish."""
        return node("Mul", X, node("Tanh", node("Softplus", X, name="softplus"), name="factor"))

    def torch(self, functional: Any, x: Any) -> Any:
        """Mish."""
        return functional.mish(x)
