"""Threshold: 1 above a value, else 0."""

import numpy as np

from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import FLOAT, Arithmetic, Constant, Function, Functional, Node, Value, X, node


@layer_type("Threshold", v1_name="THRESHOLD")
class Threshold(Function):
    """Threshold: y = 1 where x > threshold, else 0."""

    message = Message("ThresholdParameter", "threshold_param", 128, 25)
    word = "above"
    always_jumps = True  # At the threshold.

    threshold: float = proto(1, "float", default=0.0)

    def numpy(self, x: Value) -> Value:
        """A comparison (NaN gives 0)."""
        return (x > np.float32(self.threshold)).astype(np.float32)

    def constants(self) -> tuple[float, float, float]:
        """The threshold, and what stands above it and below."""
        return (self.threshold, 1, 0)

    @staticmethod
    def formula(m: Arithmetic, x: Value, threshold: Value, one: Value, zero: Value) -> Value:
        """A comparison."""
        return m.where(x, ">", threshold, one, zero)

    def onnx(self) -> Node:
        """Greater, as f32."""
        return node("Cast", node("Greater", X, Constant("threshold", self.threshold), name="above"), to=FLOAT)

    def torch(self, functional: Functional, x: Value) -> Value:
        """A comparison."""
        return (x > self.threshold).to(x.dtype)
