"""HSigmoid: a sigmoid of three straight lines."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node
from xdn.layers.relu6 import ReLU6


@layer_type("HSigmoid", "Hsigmoid")
class HSigmoid(Function):
    """HSigmoid: y = min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    fusable = True
    word = "hsigmoid"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The clipped sum, times 1/6."""
        clipped = np.minimum(np.maximum(bottoms[0] + np.float32(3), 0), np.float32(6))
        return (clipped * np.float32(1 / 6),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """min(max(x + 3, 0), 6) / 6."""
        return m.mul(ReLU6.formula(m, m.add(x, m.number(3))), m.number(1 / 6))

    def onnx(self) -> Node:
        """HardSigmoid: x / 6 + 0.5, clipped to 0 and 1."""
        return node("HardSigmoid", X, alpha=1 / 6, beta=0.5)

    def torch(self, functional: Any, x: Any) -> Any:
        """The hard sigmoid, whose slope PyTorch has as 1/6 too."""
        return functional.hardsigmoid(x)
