"""TanH: the hyperbolic tangent."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import ENGINE, Message, layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node


@layer_type("TanH", v1_name="TANH")
class TanH(Function):
    """TanH: y = (exp(2x) - 1) / (exp(2x) + 1)."""

    message = Message("TanHParameter", "tanh_param", 127, 37)
    unused = {"engine": ENGINE.at(1)}
    fusable = True
    word = "tanh"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """tanh(x)."""
        return (np.tanh(bottoms[0]),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """The hyperbolic tangent."""
        return m.tanh(x)

    def onnx(self) -> Node:
        """Tanh."""
        return node("Tanh", X)

    def torch(self, functional: Any, x: Any) -> Any:
        """TanH."""
        return x.tanh()
