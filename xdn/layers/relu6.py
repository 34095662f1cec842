"""ReLU6: ReLU that ends at 6."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type
from xdn.layers.clip import Clip
from xdn.layers.function import Arithmetic, Function, Node


@layer_type("ReLU6", "Relu6")
class ReLU6(Function):
    """ReLU6: y = min(max(x, 0), 6) (Krizhevsky 2010; a layer of MobileNet's ports)."""

    fusable = True
    word = "relu6"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Clipped at both ends (NaN stays NaN)."""
        return (np.minimum(np.maximum(bottoms[0], 0), np.float32(6)),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """min(max(x, 0), 6)."""
        return Clip.formula(m, x, m.number(0), m.number(6))

    def onnx(self) -> Node:
        """Clip between 0 and 6."""
        return Clip(min=0, max=6).onnx()

    def torch(self, functional: Any, x: Any) -> Any:
        """Between 0 and 6."""
        return functional.relu6(x)

    def torch_in_place(self, functional: Any, x: Any) -> Any:
        """The same into the bottom."""
        return functional.relu6(x, inplace=True)
