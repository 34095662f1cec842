"""Log: a logarithm, natural by default."""

import math
from typing import Any

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Constant, Function, Node, X, linear, node
from xdn.layers.logarithm import NATURAL, check_base


@layer_type("Log")
class Log(Function):
    """Log: y = log(shift + scale * x) to the base `base`; base -1 stands for e (Caffe's log_layer.cpp)."""

    message = Message("LogParameter", "log_param", 134)
    word = "logarithm"

    base: float = proto(1, "float", default=-1.0)
    scale: float = proto(2, "float", default=1.0)
    shift: float = proto(3, "float", default=0.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged; the base is positive and not 1."""
        check_base(self.base)
        if self.base == 1:
            raise ShapeError("base 1 has no logarithm")
        return super().infer(bottoms, n_tops)

    def factor(self) -> float:
        """Return what the natural logarithm is multiplied by."""
        return 1.0 if self.base == NATURAL else 1 / math.log(self.base)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """log(shift + scale * x) / log(base), as Caffe computes it."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.log(bottoms[0] * np.float32(self.scale) + np.float32(self.shift))
        return (found if self.base == NATURAL else found * np.float32(self.factor()),)

    def constants(self) -> tuple[float, float, float]:
        """Of the linear function, and the factor."""
        return (self.scale, self.shift, self.factor())

    @staticmethod
    def formula(m: Arithmetic, x: Any, scale: Any, shift: Any, factor: Any) -> Any:
        """The natural logarithm of a linear function, times a factor."""
        return m.mul(m.log(m.add(m.mul(x, scale), shift)), factor)

    def onnx(self) -> Node:
        """Log of a linear function, times a factor."""
        natural = node("Log", linear(X, self.scale, self.shift), name="natural")
        return node("Mul", natural, Constant("base", self.factor()))

    def torch(self, functional: Any, x: Any) -> Any:
        """The natural logarithm of a linear function, times a factor."""
        return (x * self.scale + self.shift).log() * self.factor()
