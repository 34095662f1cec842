"""AbsVal: the magnitude."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type


@layer_type("AbsVal")
class AbsVal(Activation):
    """AbsVal: y = |x|."""

    v1_name: ClassVar = "ABSVAL"

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The bits without the sign."""
        return (np.abs(bottoms[0]),)
