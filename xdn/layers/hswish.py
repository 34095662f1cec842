"""HSwish: x times a sigmoid of three straight lines."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type


@layer_type("HSwish")
class HSwish(Activation):
    """HSwish: y = x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    aliases: ClassVar = ("Hswish", "HardSwish")
    fusable: ClassVar = True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """x times the hard sigmoid."""
        x = bottoms[0]
        return (x * (np.minimum(np.maximum(x + np.float32(3), 0), np.float32(6)) * np.float32(1 / 6)),)
