"""SELU: an ELU whose two constants keep mean and variance."""

import numpy as np

from xdn.layers.base import layer_type
from xdn.layers.elu import ELU
from xdn.layers.function import Arithmetic, Function, Functional, Value, X, node

#: The constants of the paper, in the precision of f64.
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


@layer_type("SELU", "SeLu", "Selu")
class SELU(Function):
    """SELU: y = s * x where x > 0, else s * a * (exp(x) - 1), s = 1.0507, a = 1.67326 (Klambauer et al. 2017)."""

    word = "selu"
    onnx_form = node("Selu", X, alpha=ALPHA, gamma=SCALE)

    def numpy(self, x: Value) -> Value:
        """s * (max(x, 0) + a * (exp(min(x, 0)) - 1))."""
        negative = np.float32(ALPHA) * (np.exp(np.minimum(x, 0)) - np.float32(1))
        return np.float32(SCALE) * (np.maximum(x, 0) + negative)

    def constants(self) -> tuple[float, float]:
        """The paper's."""
        return (SCALE, ALPHA)

    @staticmethod
    def formula(m: Arithmetic, x: Value, scale: Value, alpha: Value) -> Value:
        """An ELU, scaled."""
        return m.mul(scale, ELU.formula(m, x, alpha))

    def torch(self, functional: Functional, x: Value) -> Value:
        """SELU, whose constants PyTorch has in f64 too."""
        return functional.selu(x)
