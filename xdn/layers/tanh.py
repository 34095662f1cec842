"""TanH: the hyperbolic tangent."""

import numpy as np

from xdn.layers.base import ENGINE, Message, layer_type
from xdn.layers.function import Arithmetic, Function, Value, X, node


@layer_type("TanH", v1_name="TANH")
class TanH(Function):
    """TanH: y = (exp(2x) - 1) / (exp(2x) + 1)."""

    message = Message("TanHParameter", "tanh_param", 127, 37)
    unused = {"engine": ENGINE.at(1)}
    fusable = True
    word = "tanh"
    onnx_form = node("Tanh", X)

    def numpy(self, x: Value) -> Value:
        """tanh(x)."""
        return np.tanh(x)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """The hyperbolic tangent."""
        return m.tanh(x)
