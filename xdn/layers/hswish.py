"""HSwish: x times a sigmoid of three straight lines."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Value, X, node
from xdn.layers.hsigmoid import HSigmoid


@layer_type("HSwish", "Hswish", "HardSwish")
class HSwish(Function):
    """HSwish: y = x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    fusable = True
    word = "hswish"
    onnx_form = node("HardSwish", X)
    torch_name = "hardswish"

    def numpy(self, x: Value) -> Value:
        """x times the hard sigmoid."""
        return x * (np.minimum(np.maximum(x + np.float32(3), 0), np.float32(6)) * np.float32(1 / 6))

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """x times its hard sigmoid."""
        return m.mul(x, HSigmoid.formula(m, x))
