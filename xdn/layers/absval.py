"""AbsVal: the magnitude."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Functional, Value, X, node


@layer_type("AbsVal", v1_name="ABSVAL")
class AbsVal(Function):
    """AbsVal: y = |x|."""

    word = "magnitude"
    onnx_form = node("Abs", X)

    def numpy(self, x: Value) -> Value:
        """The bits without the sign."""
        return np.abs(x)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """|x|."""
        return m.magnitude(x)

    def torch(self, functional: Functional, x: Value) -> Value:
        """The magnitude."""
        return x.abs()
