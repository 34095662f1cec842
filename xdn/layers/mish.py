"""Mish: x times the tanh of its softplus."""

from collections.abc import Sequence

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type


@layer_type("Mish")
class Mish(Activation):
    """Mish: y = x * tanh(log(1 + exp(x))) (Misra 2019; a layer of YOLOv4's ports)."""

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """In f64, then rounded."""
        x = bottoms[0].astype(np.float64)
        return ((x * np.tanh(np.logaddexp(0, x))).astype(np.float32),)
