"""Gelu: the argument times the probability that a normal value is below it; the activation of Transformers."""

from math import pi, sqrt

import numpy as np
from scipy import special

from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Constant, Function, Functional, Kernel, Node, Value, X, node

#: Of the approximation: y = x / 2 * (1 + tanh(OUTER * (x + CUBIC * x**3))).
OUTER, CUBIC = sqrt(2 / pi), 0.044715
ROOT = sqrt(0.5)


@layer_type("Gelu")
class Gelu(Function):
    """Gelu: y = x / 2 * (1 + erf(x / sqrt(2))), or the same by a tanh (Hendrycks and Gimpel 2016)."""

    message = Message("GeluParameter", "gelu_param", 2101)
    word = "gelu"

    approximate: bool = proto(1, "bool", default=False)

    def constants(self) -> tuple[float, ...]:
        """None: each way has a formula of its own."""
        return ()

    def numpy(self, x: Value) -> Value:
        """In f64, then rounded."""
        x = x.astype(np.float64)
        inner = np.tanh(OUTER * (x + CUBIC * x**3)) if self.approximate else special.erf(ROOT * x)
        return (0.5 * x * (1 + inner)).astype(np.float32)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """By the error function."""
        return _half(m, x, m.erf(m.mul(x, m.number(ROOT))))

    def kernel(self) -> Kernel:
        """By the error function, or by the tanh."""
        return Kernel("gelu_tanh", _by_tanh) if self.approximate else super().kernel()

    def onnx(self) -> Node:
        """The operators that its formula is made of: Gelu itself is of operator set 20."""
        scaled = node("Mul", X, Constant("root", ROOT), name="scaled")
        inner = node("Erf", scaled, name="erf")
        if self.approximate:
            squares = node("Mul", node("Mul", X, X, name="squares"), Constant("cubic", CUBIC), name="cubes")
            bent = node("Mul", X, node("Add", squares, Constant("line", 1), name="slope"), name="bent")
            inner = node("Tanh", node("Mul", bent, Constant("outer", OUTER), name="scaled"), name="tanh")
        half = node("Mul", X, Constant("half", 0.5), name="half")
        return node("Mul", half, node("Add", inner, Constant("one", 1), name="factor"))

    def torch(self, functional: Functional, x: Value) -> Value:
        """PyTorch's function of that name."""
        return functional.gelu(x, approximate="tanh" if self.approximate else "none")


def _half(m: Arithmetic, x: Value, inner: Value) -> Value:
    return m.mul(m.mul(x, m.number(0.5)), m.add(m.number(1), inner))


def _by_tanh(m: Arithmetic, x: Value) -> Value:
    slope = m.add(m.number(1), m.mul(m.number(CUBIC), m.mul(x, x)))
    return _half(m, x, m.tanh(m.mul(m.number(OUTER), m.mul(x, slope))))
