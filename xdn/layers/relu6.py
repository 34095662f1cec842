"""ReLU6: ReLU that ends at 6."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type


@layer_type("ReLU6")
class ReLU6(Activation):
    """ReLU6: y = min(max(x, 0), 6) (Krizhevsky 2010; a layer of MobileNet's ports)."""

    aliases: ClassVar = ("Relu6",)
    fusable: ClassVar = True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Clipped at both ends (NaN stays NaN)."""
        return (np.minimum(np.maximum(bottoms[0], 0), np.float32(6)),)
