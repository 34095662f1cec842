"""Log: a logarithm, natural by default."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs
from xdn.layers.base import Message, layer_type
from xdn.layers.function import Arithmetic, Constant, Functional, Node, Value, X, linear, node
from xdn.layers.logarithm import NATURAL, BasedFunction


@layer_type("Log")
class Log(BasedFunction):
    """Log: y = log(shift + scale * x) to the base `base`; base -1 stands for e (Caffe's log_layer.cpp)."""

    message = Message("LogParameter", "log_param", 134)
    word = "logarithm"

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged; the base is positive and not 1."""
        if self.base == 1:
            raise ShapeError("base 1 has no logarithm")
        return super().infer(bottoms, n_tops)

    def factor(self) -> float:
        """Return what the natural logarithm is multiplied by."""
        return 1 / self.log_base()

    def numpy(self, x: Value) -> Value:
        """log(shift + scale * x) / log(base), as Caffe computes it."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.log(x * np.float32(self.scale) + np.float32(self.shift))
        return found if self.base == NATURAL else found * np.float32(self.factor())

    def constants(self) -> tuple[float, float, float]:
        """Of the linear function, and the factor."""
        return (self.scale, self.shift, self.factor())

    @staticmethod
    def formula(m: Arithmetic, x: Value, scale: Value, shift: Value, factor: Value) -> Value:
        """The natural logarithm of a linear function, times a factor."""
        return m.mul(m.log(m.add(m.mul(x, scale), shift)), factor)

    def onnx(self) -> Node:
        """Log of a linear function, times a factor."""
        natural = node("Log", linear(X, self.scale, self.shift), name="natural")
        return node("Mul", natural, Constant("base", self.factor()))

    def torch(self, functional: Functional, x: Value) -> Value:
        """The natural logarithm of a linear function, times a factor."""
        return (x * self.scale + self.shift).log() * self.factor()
