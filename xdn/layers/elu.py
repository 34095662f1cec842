"""ELU: an exponential for negative values."""

import numpy as np

from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Function, Node, Value, X, node


@layer_type("ELU")
class ELU(Function):
    """ELU: y = x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015)."""

    message = Message("ELUParameter", "elu_param", 140)
    fusable = True
    word = "elu"

    alpha: float = proto(1, "float", default=1.0)

    def numpy(self, x: Value) -> Value:
        """max(x, 0) + alpha * (exp(min(x, 0)) - 1), as Caffe's elu_layer.cpp writes it."""
        return np.maximum(x, 0) + np.float32(self.alpha) * (np.exp(np.minimum(x, 0)) - np.float32(1))

    @staticmethod
    def formula(m: Arithmetic, x: Value, alpha: Value) -> Value:
        """x where x > 0, else alpha * (e**x - 1)."""
        return m.where(x, ">", m.number(0), x, m.mul(alpha, m.sub(m.exp(x), m.number(1))))

    def onnx(self) -> Node:
        """Elu."""
        return node("Elu", X, alpha=self.alpha)
