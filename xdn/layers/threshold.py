"""Threshold: 1 above a value, else 0."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import FLOAT, Arithmetic, Constant, Function, Node, X, node


@layer_type("Threshold", v1_name="THRESHOLD")
class Threshold(Function):
    """Threshold: y = 1 where x > threshold, else 0."""

    message = Message("ThresholdParameter", "threshold_param", 128, 25)
    word = "above"
    always_jumps = True  # At the threshold.

    threshold: float = proto(1, "float", default=0.0)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """A comparison (NaN gives 0)."""
        return ((bottoms[0] > np.float32(self.threshold)).astype(np.float32),)

    def constants(self) -> tuple[float, float, float]:
        """The threshold, and what stands above it and below."""
        return (self.threshold, 1, 0)

    @staticmethod
    def formula(m: Arithmetic, x: Any, threshold: Any, one: Any, zero: Any) -> Any:
        """A comparison."""
        return m.where(x, ">", threshold, one, zero)

    def onnx(self) -> Node:
        """Greater, as f32."""
        return node("Cast", node("Greater", X, Constant("threshold", self.threshold), name="above"), to=FLOAT)

    def torch(self, functional: Any, x: Any) -> Any:
        """A comparison."""
        return (x > self.threshold).to(x.dtype)
