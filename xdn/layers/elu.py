"""ELU: an exponential for negative values."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import Message, layer_type, proto


@layer_type("ELU")
class ELU(Activation):
    """ELU: y = x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2015)."""

    message: ClassVar = Message("ELUParameter", "elu_param", 140)
    fusable: ClassVar = True

    alpha: float = proto(1, "float", default=1.0)

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """max(x, 0) + alpha * (exp(min(x, 0)) - 1), as Caffe's elu_layer.cpp writes it."""
        x = bottoms[0]
        return (np.maximum(x, 0) + np.float32(self.alpha) * (np.exp(np.minimum(x, 0)) - np.float32(1)),)
