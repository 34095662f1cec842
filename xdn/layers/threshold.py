"""Threshold: 1 above a value, else 0."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import Message, layer_type, proto


@layer_type("Threshold")
class Threshold(Activation):
    """Threshold: y = 1 where x > threshold, else 0."""

    message: ClassVar = Message("ThresholdParameter", "threshold_param", 128, 25)
    v1_name: ClassVar = "THRESHOLD"

    threshold: float = proto(1, "float", default=0.0)

    def jumps(self, n_tops: int) -> bool:
        """At the threshold."""
        return True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """A comparison (NaN gives 0)."""
        return ((bottoms[0] > np.float32(self.threshold)).astype(np.float32),)
