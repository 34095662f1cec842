"""Exp: a power of a base, of e by default."""

import math
from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Constant, Function, Node, X, node, times
from xdn.layers.logarithm import NATURAL, check_base


@layer_type("Exp", v1_name="EXP")
class Exp(Function):
    """Exp: y = base ** (shift + scale * x); base -1 stands for e (Caffe's exp_layer.cpp)."""

    message = Message("ExpParameter", "exp_param", 111, 41)
    word = "exponential"

    base: float = proto(1, "float", default=-1.0)
    scale: float = proto(2, "float", default=1.0)
    shift: float = proto(3, "float", default=0.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged; the base is positive."""
        check_base(self.base)
        return super().infer(bottoms, n_tops)

    def factors(self) -> tuple[float, float]:
        """Return (a, b) of y = b * exp(a * x)."""
        base_log = 1.0 if self.base == NATURAL else math.log(self.base)
        with np.errstate(over="ignore"):
            return base_log * self.scale, float(np.exp(base_log * self.shift))

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """base ** shift * exp(log(base) * scale * x), as Caffe computes it."""
        inner, outer = self.factors()
        with np.errstate(over="ignore"):
            return (np.exp(bottoms[0] * np.float32(inner)) * np.float32(outer),)

    def constants(self) -> tuple[float, float]:
        """(a, b) of y = b * exp(a * x)."""
        return self.factors()

    @staticmethod
    def formula(m: Arithmetic, x: Any, inner: Any, outer: Any) -> Any:
        """e to a power, times a factor."""
        return m.mul(m.exp(m.mul(x, inner)), outer)

    def onnx(self) -> Node:
        """Exp between two factors."""
        inner, outer = self.factors()
        return node("Mul", node("Exp", times(X, inner), name="power"), Constant("outer", outer))

    def torch(self, functional: Any, x: Any) -> Any:
        """The natural power between two factors."""
        inner, outer = self.factors()
        return (x * inner).exp() * outer
