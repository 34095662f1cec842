"""ReLU: max(x, 0), or a slope for negative values."""

import numpy as np

from xdn.graph import Quantized
from xdn.layers.base import ENGINE, Message, layer_type, proto
from xdn.layers.function import Arithmetic, Function, Functional, Node, Value, X, node


@layer_type("ReLU", v1_name="RELU")
class ReLU(Function):
    """ReLU: y = x where x > 0, else negative_slope * x (Nair and Hinton 2010; Maas et al. 2013)."""

    message = Message("ReLUParameter", "relu_param", 123, 30)
    unused = {"engine": ENGINE.at(2)}
    fusable = True
    same_bits = True
    word = "leaky"
    fused_word = "relu"

    negative_slope: float = proto(1, "float", default=0.0)

    def only_cuts_off(self, read: Quantized) -> bool:
        """Without a slope it makes zeros of what u8 has zeros for."""
        return self.negative_slope == 0 and not read.signed

    def numpy(self, x: Value) -> Value:
        """max(x, 0) + slope * min(x, 0), as Caffe writes it (NaN stays NaN)."""
        return np.maximum(x, 0) + np.float32(self.negative_slope) * np.minimum(x, 0)

    @staticmethod
    def formula(m: Arithmetic, x: Value, slope: Value) -> Value:
        """x where x > 0, else x * slope: Caffe's ReLU, also for NaN and infinities."""
        return m.where(x, ">", m.number(0), x, m.mul(x, slope))

    def onnx(self) -> Node:
        """Relu or LeakyRelu."""
        return node("LeakyRelu", X, alpha=self.negative_slope) if self.negative_slope else node("Relu", X)

    def torch(self, functional: Functional, x: Value) -> Value:
        """ReLU, or leaky with a slope."""
        return functional.leaky_relu(x, self.negative_slope) if self.negative_slope else functional.relu(x)

    def torch_in_place(self, functional: Functional, x: Value) -> Value:
        """A negative slope does not let a value's sign be known afterwards: a new tensor then."""
        if self.negative_slope:
            return functional.leaky_relu(x, self.negative_slope, inplace=self.negative_slope > 0)
        return functional.relu(x, inplace=True)
