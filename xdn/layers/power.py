"""Power: a power of a linear function."""

import numpy as np

from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Arithmetic, Constant, Function, Functional, Kernel, Node, Value, X, linear, node
from xdn.layers.threshold import Threshold


def _linear(m: Arithmetic, x: Value, scale: Value, shift: Value) -> Value:
    return m.add(m.mul(x, scale), shift)


def _square(m: Arithmetic, x: Value, scale: Value, shift: Value) -> Value:
    base = _linear(m, x, scale, shift)
    return m.mul(base, base)


def _cube(m: Arithmetic, x: Value, scale: Value, shift: Value) -> Value:
    base = _linear(m, x, scale, shift)
    return m.mul(m.mul(base, base), base)


def _square_root(m: Arithmetic, x: Value, scale: Value, shift: Value) -> Value:
    return m.square_root(_linear(m, x, scale, shift))


def _reciprocal(m: Arithmetic, x: Value, scale: Value, shift: Value) -> Value:
    return m.div(m.number(1), _linear(m, x, scale, shift))


#: Powers that have a shorter way than logarithm and exponential.
_SHORTER = {
    1.0: ("linear", _linear),
    2.0: ("square", _square),
    3.0: ("cube", _cube),
    0.5: ("square_root", _square_root),
    -1.0: ("reciprocal", _reciprocal),
}


@layer_type("Power", v1_name="POWER")
class Power(Function):
    """Power: y = (shift + scale * x) ** power (Caffe's power_layer.cpp)."""

    message = Message("PowerParameter", "power_param", 122, 21)
    word = "power"

    power: float = proto(1, "float", default=1.0)
    scale: float = proto(2, "float", default=1.0)
    shift: float = proto(3, "float", default=0.0)

    def constant(self) -> float:
        """Return what every element becomes where nothing of the bottom is left: with a power or a scale of 0."""
        with np.errstate(all="ignore"):
            return 1.0 if self.power == 0 else float(np.power(np.float32(self.shift), np.float32(self.power)))

    def numpy(self, x: Value) -> Value:
        """As in Caffe, whose pow gives NaN for a negative base and a power that is not an integer.

        A power or a scale of 0 leaves nothing of the bottom, infinities and NaN included.
        """
        shift = np.float32(self.shift)
        if self.power == 0:
            return np.ones_like(x)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            base = np.full_like(x, shift) if self.scale == 0 else x * np.float32(self.scale) + shift
            return base if self.power == 1 else np.power(base, np.float32(self.power))

    @staticmethod
    def formula(m: Arithmetic, x: Value, scale: Value, shift: Value, exponent: Value, sign: Value) -> Value:
        """Any power of a linear function."""
        return m.signed_power(_linear(m, x, scale, shift), exponent, sign)

    def kernel(self) -> Kernel:
        """A constant where nothing of the bottom is left, a short way for some powers."""
        if self.scale == 0 or self.power == 0:
            constant = self.constant()
            return Kernel(Threshold.word, Threshold.formula, (0, constant, constant))
        if self.power in _SHORTER:
            return Kernel(*_SHORTER[self.power], (self.scale, self.shift))
        # A negative base has a power only where that is an integer; an odd one keeps the sign.
        sign = {0.0: 1.0, 1.0: -1.0}.get(self.power % 2, np.nan)
        return Kernel("any_power", self.formula, (self.scale, self.shift, self.power, sign))

    def onnx(self) -> Node:
        """Pow of a linear function; the power 0 gives 1 whatever the base, in ONNX as in Caffe."""
        return node("Pow", linear(X, self.scale, self.shift), Constant("power", self.power))

    def torch(self, functional: Functional, x: Value) -> Value:
        """A power of a linear function; of power 0 it is 1, and the gradient 0."""
        base = x * self.scale + self.shift
        return base if self.power == 1 else base**self.power
