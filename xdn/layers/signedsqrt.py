"""SignedSqrt: square roots that keep the sign."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Functional, Value, X, node


@layer_type("SignedSqrt")
class SignedSqrt(Function):
    """SignedSqrt: y = sqrt(x) where x >= 0, else -sqrt(-x) (signed_sqrt_layer.cpp of compact bilinear pooling's Caffe).

    It follows bilinear features, of which few are large (Gao et al. 2016).
    """

    word = "signed_sqrt"
    onnx_form = node("Mul", node("Sign", X, name="sign"), node("Sqrt", node("Abs", X, name="magnitude"), name="root"))

    def numpy(self, x: Value) -> Value:
        """The root of the magnitude, with the sign of x."""
        return np.copysign(np.sqrt(np.abs(x)), x)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """The root of the magnitude, or what is as far below 0."""
        root = m.square_root(m.magnitude(x))
        return m.where(x, "<", m.number(0), m.negative(root), root)

    def torch(self, functional: Functional, x: Value) -> Value:
        """The sign times the root; at 0, where the root has no gradient, none passes."""
        return x.sign() * x.abs().clamp_min(np.finfo(np.float32).tiny).sqrt()
