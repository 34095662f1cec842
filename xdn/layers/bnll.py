"""BNLL: the binomial normal log likelihood, a smooth ReLU."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Value, X, node


@layer_type("BNLL", v1_name="BNLL")
class BNLL(Function):
    """BNLL: y = log(1 + exp(x))."""

    word = "softplus"
    onnx_form = node("Softplus", X)

    def numpy(self, x: Value) -> Value:
        """In f64, as the literal 1. makes it in Caffe's bnll_layer.cpp, then rounded; it never overflows."""
        with np.errstate(invalid="ignore"):
            return np.logaddexp(0, x.astype(np.float64)).astype(np.float32)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """The larger part of log(1 + e**x) taken out, so that nothing overflows."""
        zero = m.number(0)
        return m.add(m.where(x, "<", zero, zero, x), m.log_1p(m.exp(m.negative(m.magnitude(x)))))
