"""Sigmoid: 1 / (1 + exp(-x))."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import ENGINE, Message, layer_type


@layer_type("Sigmoid")
class Sigmoid(Activation):
    """Sigmoid: y = 1 / (1 + exp(-x))."""

    message: ClassVar = Message("SigmoidParameter", "sigmoid_param", 124, 38)
    v1_name: ClassVar = "SIGMOID"
    unused: ClassVar = {"engine": ENGINE.at(1)}
    fusable: ClassVar = True
    yes_or_no: ClassVar = True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """0.5 * tanh(0.5 * x) + 0.5 in f64, then rounded: so Caffe's sigmoid_layer.cpp, which never overflows."""
        x = bottoms[0].astype(np.float64)
        return ((0.5 * np.tanh(0.5 * x) + 0.5).astype(np.float32),)
