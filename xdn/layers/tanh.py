"""TanH: the hyperbolic tangent."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import ENGINE, Message, layer_type


@layer_type("TanH")
class TanH(Activation):
    """TanH: y = (exp(2x) - 1) / (exp(2x) + 1)."""

    message: ClassVar = Message("TanHParameter", "tanh_param", 127, 37)
    v1_name: ClassVar = "TANH"
    unused: ClassVar = {"engine": ENGINE.at(1)}
    fusable: ClassVar = True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """tanh(x)."""
        return (np.tanh(bottoms[0]),)
