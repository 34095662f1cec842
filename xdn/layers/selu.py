"""SELU: an ELU whose two constants keep mean and variance."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type

#: The constants of the paper, in the precision of f64.
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


@layer_type("SELU")
class SELU(Activation):
    """SELU: y = s * x where x > 0, else s * a * (exp(x) - 1), s = 1.0507, a = 1.67326 (Klambauer et al. 2017)."""

    aliases: ClassVar = ("SeLu", "Selu")

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """s * (max(x, 0) + a * (exp(min(x, 0)) - 1))."""
        x = bottoms[0]
        negative = np.float32(ALPHA) * (np.exp(np.minimum(x, 0)) - np.float32(1))
        return (np.float32(SCALE) * (np.maximum(x, 0) + negative),)
