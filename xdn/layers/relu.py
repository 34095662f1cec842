"""ReLU: max(x, 0), or a slope for negative values."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import ENGINE, Message, layer_type, proto


@layer_type("ReLU")
class ReLU(Activation):
    """ReLU: y = x where x > 0, else negative_slope * x (Nair and Hinton 2010; Maas et al. 2013)."""

    message: ClassVar = Message("ReLUParameter", "relu_param", 123, 30)
    v1_name: ClassVar = "RELU"
    unused: ClassVar = {"engine": ENGINE.at(2)}
    fusable: ClassVar = True

    negative_slope: float = proto(1, "float", default=0.0)

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """max(x, 0) + slope * min(x, 0), as Caffe writes it (NaN stays NaN)."""
        x = bottoms[0]
        return (np.maximum(x, 0) + np.float32(self.negative_slope) * np.minimum(x, 0),)
