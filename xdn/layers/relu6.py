"""ReLU6: ReLU that ends at 6."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.clip import Clip
from xdn.layers.function import Arithmetic, Function, Functional, Value


@layer_type("ReLU6", "Relu6")
class ReLU6(Function):
    """ReLU6: y = min(max(x, 0), 6) (Krizhevsky 2010; a layer of MobileNet's ports)."""

    fusable = True
    same_bits = True
    word = "relu6"
    onnx_form = Clip(min=0, max=6).onnx()

    def numpy(self, x: Value) -> Value:
        """Clipped at both ends (NaN stays NaN)."""
        return np.minimum(np.maximum(x, 0), np.float32(6))

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """min(max(x, 0), 6)."""
        return Clip.formula(m, x, m.number(0), m.number(6))

    def torch_in_place(self, functional: Functional, x: Value) -> Value:
        """The same into the bottom."""
        return functional.relu6(x, inplace=True)
