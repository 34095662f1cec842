"""Swish: x times its sigmoid."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import Message, layer_type, proto


@layer_type("Swish")
class Swish(Activation):
    """Swish: y = x / (1 + exp(-beta * x)) (Ramachandran et al. 2017)."""

    message: ClassVar = Message("SwishParameter", "swish_param", 147)
    fusable: ClassVar = True

    beta: float = proto(1, "float", default=1.0)

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """x times the sigmoid in f64, then rounded: Caffe's swish_layer.cpp."""
        x = bottoms[0].astype(np.float64)
        return ((x * (0.5 * np.tanh(0.5 * np.float32(self.beta) * x) + 0.5)).astype(np.float32),)
