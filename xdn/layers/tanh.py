"""TanH: the hyperbolic tangent."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from xdn.graph import Array, Weights
from xdn.layers.base import ENGINE, Message, layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node


@layer_type("TanH")
class TanH(Function):
    """TanH: y = (exp(2x) - 1) / (exp(2x) + 1)."""

    message: ClassVar = Message("TanHParameter", "tanh_param", 127, 37)
    v1_name: ClassVar = "TANH"
    unused: ClassVar = {"engine": ENGINE.at(1)}
    fusable: ClassVar = True
    word: ClassVar = "tanh"

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
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
