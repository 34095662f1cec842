"""HSigmoid: a sigmoid of three straight lines."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type


@layer_type("HSigmoid")
class HSigmoid(Activation):
    """HSigmoid: y = min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    aliases: ClassVar = ("Hsigmoid",)
    fusable: ClassVar = True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The clipped sum, times 1/6."""
        clipped = np.minimum(np.maximum(bottoms[0] + np.float32(3), 0), np.float32(6))
        return (clipped * np.float32(1 / 6),)
