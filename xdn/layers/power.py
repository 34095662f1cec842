"""Power: a power of a linear function."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import Message, layer_type, proto


@layer_type("Power")
class Power(Activation):
    """Power: y = (shift + scale * x) ** power (Caffe's power_layer.cpp)."""

    message: ClassVar = Message("PowerParameter", "power_param", 122, 21)
    v1_name: ClassVar = "POWER"

    power: float = proto(1, "float", default=1.0)
    scale: float = proto(2, "float", default=1.0)
    shift: float = proto(3, "float", default=0.0)

    def constant(self) -> float:
        """Return what every element becomes where nothing of the bottom is left: with a power or a scale of 0."""
        with np.errstate(all="ignore"):
            return 1.0 if self.power == 0 else float(np.power(np.float32(self.shift), np.float32(self.power)))

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """As in Caffe, whose pow gives NaN for a negative base and a power that is not an integer.

        A power or a scale of 0 leaves nothing of the bottom, infinities and NaN included.
        """
        x, shift = bottoms[0], np.float32(self.shift)
        if self.power == 0:
            return (np.ones_like(x),)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            base = np.full_like(x, shift) if self.scale == 0 else x * np.float32(self.scale) + shift
            return (base if self.power == 1 else np.power(base, np.float32(self.power)),)
