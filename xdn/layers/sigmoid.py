"""Sigmoid: 1 / (1 + exp(-x))."""

import numpy as np

from xdn.layers.base import ENGINE, Message, layer_type
from xdn.layers.function import Arithmetic, Function, Value, X, node


@layer_type("Sigmoid", v1_name="SIGMOID")
class Sigmoid(Function):
    """Sigmoid: y = 1 / (1 + exp(-x))."""

    message = Message("SigmoidParameter", "sigmoid_param", 124, 38)
    unused = {"engine": ENGINE.at(1)}
    fusable = True
    yes_or_no = True
    word = "sigmoid"
    onnx_form = node("Sigmoid", X)

    def numpy(self, x: Value) -> Value:
        """0.5 * tanh(0.5 * x) + 0.5 in f64, then rounded: so Caffe's sigmoid_layer.cpp, which never overflows."""
        x = x.astype(np.float64)
        return (0.5 * np.tanh(0.5 * x) + 0.5).astype(np.float32)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """1 / (1 + e**-x)."""
        one = m.number(1)
        return m.div(one, m.add(one, m.exp(m.negative(x))))
