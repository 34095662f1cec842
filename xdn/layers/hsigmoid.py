"""HSigmoid: a sigmoid of three straight lines."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Value, X, node
from xdn.layers.relu6 import ReLU6


@layer_type("HSigmoid", "Hsigmoid")
class HSigmoid(Function):
    """HSigmoid: y = min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    fusable = True
    word = "hsigmoid"
    onnx_form = node("HardSigmoid", X, alpha=1 / 6, beta=0.5)
    torch_name = "hardsigmoid"

    def numpy(self, x: Value) -> Value:
        """The clipped sum, times 1/6."""
        clipped = np.minimum(np.maximum(x + np.float32(3), 0), np.float32(6))
        return clipped * np.float32(1 / 6)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """min(max(x + 3, 0), 6) / 6."""
        return m.mul(ReLU6.formula(m, m.add(x, m.number(3))), m.number(1 / 6))
