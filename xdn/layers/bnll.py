"""BNLL: the binomial normal log likelihood, a smooth ReLU."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import layer_type


@layer_type("BNLL")
class BNLL(Activation):
    """BNLL: y = log(1 + exp(x))."""

    v1_name: ClassVar = "BNLL"

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """In f64, as the literal 1. makes it in Caffe's bnll_layer.cpp, then rounded; it never overflows."""
        with np.errstate(invalid="ignore"):
            return (np.logaddexp(0, bottoms[0].astype(np.float64)).astype(np.float32),)
