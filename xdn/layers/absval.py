"""AbsVal: the magnitude."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node


@layer_type("AbsVal", v1_name="ABSVAL")
class AbsVal(Function):
    """AbsVal: y = |x|."""

    word = "magnitude"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The bits without the sign."""
        return (np.abs(bottoms[0]),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """|x|."""
        return m.magnitude(x)

    def onnx(self) -> Node:
        """Abs."""
        return node("Abs", X)

    def torch(self, functional: Any, x: Any) -> Any:
        """The magnitude."""
        return x.abs()
