"""HSwish: x times a sigmoid of three straight lines."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node
from xdn.layers.hsigmoid import HSigmoid


@layer_type("HSwish", "Hswish", "HardSwish")
class HSwish(Function):
    """HSwish: y = x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    fusable = True
    word = "hswish"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """x times the hard sigmoid."""
        x = bottoms[0]
        return (x * (np.minimum(np.maximum(x + np.float32(3), 0), np.float32(6)) * np.float32(1 / 6)),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """x times its hard sigmoid."""
        return m.mul(x, HSigmoid.formula(m, x))

    def onnx(self) -> Node:
        """HardSwish, which has the same constants."""
        return node("HardSwish", X)

    def torch(self, functional: Any, x: Any) -> Any:
        """x times the hard sigmoid."""
        return functional.hardswish(x)
