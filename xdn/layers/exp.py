"""Exp: a power of a base, of e by default."""

import numpy as np

from xdn.layers.base import Message, layer_type
from xdn.layers.function import Arithmetic, Constant, Functional, Node, Value, X, node, times
from xdn.layers.logarithm import BasedFunction


@layer_type("Exp", v1_name="EXP")
class Exp(BasedFunction):
    """Exp: y = base ** (shift + scale * x); base -1 stands for e (Caffe's exp_layer.cpp)."""

    message = Message("ExpParameter", "exp_param", 111, 41)
    word = "exponential"

    def constants(self) -> tuple[float, float]:
        """(a, b) of y = b * exp(a * x)."""
        base_log = self.log_base()
        with np.errstate(over="ignore"):
            return base_log * self.scale, float(np.exp(base_log * self.shift))

    def numpy(self, x: Value) -> Value:
        """base ** shift * exp(log(base) * scale * x), as Caffe computes it."""
        inner, outer = self.constants()
        with np.errstate(over="ignore"):
            return np.exp(x * np.float32(inner)) * np.float32(outer)

    @staticmethod
    def formula(m: Arithmetic, x: Value, inner: Value, outer: Value) -> Value:
        """e to a power, times a factor."""
        return m.mul(m.exp(m.mul(x, inner)), outer)

    def onnx(self) -> Node:
        """Exp between two factors."""
        inner, outer = self.constants()
        return node("Mul", node("Exp", times(X, inner), name="power"), Constant("outer", outer))

    def torch(self, functional: Functional, x: Value) -> Value:
        """The natural power between two factors."""
        inner, outer = self.constants()
        return (x * inner).exp() * outer
