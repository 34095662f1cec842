"""Erf: the error function, of which GELU is made."""

from scipy import special

from xdn.layers.base import layer_type
from xdn.layers.function import Arithmetic, Function, Functional, Value, X, node


@layer_type("Erf")
class Erf(Function):
    """Erf: y = 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x (ONNX's operator)."""

    word = "erf"
    onnx_form = node("Erf", X)

    def numpy(self, x: Value) -> Value:
        """SciPy's."""
        return special.erf(x)

    @staticmethod
    def formula(m: Arithmetic, x: Value) -> Value:
        """The error function."""
        return m.erf(x)

    def torch(self, functional: Functional, x: Value) -> Value:
        """A method of tensors."""
        return x.erf()
