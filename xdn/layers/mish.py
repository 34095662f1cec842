"""Mish: x times the tanh of its softplus."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Value, X, node

#: Above it mish is its argument, to the last bit, and its quotient would overflow.
FAR = 20.0


@layer_type("Mish")
class Mish(Function):
    """Mish: y = x * tanh(log(1 + exp(x))) (Misra 2019; a layer of YOLOv4's ports)."""

    word = "mish"
    onnx_form = node("Mul", X, node("Tanh", node("Softplus", X, name="softplus"), name="factor"))

    def numpy(self, x: Value) -> Value:
        """In f64, then rounded."""
        x = x.astype(np.float64)
        return (x * np.tanh(np.logaddexp(0, x))).astype(np.float32)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """A quotient of polynomials in e**x, which does not cancel for x far below 0."""
        far = m.number(FAR)
        e = m.exp(m.where(x, ">", far, far, x))
        n = m.mul(e, m.add(e, m.number(2)))
        return m.where(x, ">", far, x, m.mul(x, m.div(n, m.add(n, m.number(2)))))
