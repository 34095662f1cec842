"""BNLL: the binomial normal log likelihood, a smooth ReLU."""

from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Node, X, node


@layer_type("BNLL", v1_name="BNLL")
class BNLL(Function):
    """BNLL: y = log(1 + exp(x))."""

    word = "softplus"

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """In f64, as the literal 1. makes it in Caffe's bnll_layer.cpp, then rounded; it never overflows."""
        with np.errstate(invalid="ignore"):
            return (np.logaddexp(0, bottoms[0].astype(np.float64)).astype(np.float32),)

    @staticmethod
    def formula(m: Arithmetic, x: Any) -> Any:
        """The larger part of log(1 + e**x) taken out, so that nothing overflows."""
        zero = m.number(0)
        return m.add(m.where(x, "<", zero, zero, x), m.log_1p(m.exp(m.negative(m.magnitude(x)))))

    def onnx(self) -> Node:
        """Softplus."""
        return node("Softplus", X)

    def torch(self, functional: Any, x: Any) -> Any:
        """Softplus."""
        return functional.softplus(x)
