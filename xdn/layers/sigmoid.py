"""Sigmoid: 1 / (1 + exp(-x))."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import ENGINE, Message, layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node


@layer_type("Sigmoid", v1_name="SIGMOID")
class Sigmoid(Function):
    """Sigmoid: y = 1 / (1 + exp(-x))."""

    message = Message("SigmoidParameter", "sigmoid_param", 124, 38)
    unused = {"engine": ENGINE.at(1)}
    fusable = True
    yes_or_no = True
    word = "sigmoid"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """0.5 * tanh(0.5 * x) + 0.5 in f64, then rounded: so Caffe's sigmoid_layer.cpp, which never overflows."""
        x = bottoms[0].astype(np.float64)
        return ((0.5 * np.tanh(0.5 * x) + 0.5).astype(np.float32),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """1 / (1 + e**-x)."""
        one = m.number(1)
        return m.div(one, m.add(one, m.exp(m.negative(x))))

    def onnx(self) -> Node:
        """Sigmoid."""
        return node("Sigmoid", X)

    def torch(self, functional: Any, x: Any) -> Any:
        """Sigmoid."""
        return x.sigmoid()
