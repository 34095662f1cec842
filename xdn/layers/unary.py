"""Unary: functions of each element that no other layer computes."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable

#: Operation -> what NumPy and PyTorch call it.
NAMES: Final[Mapping[str, str]] = {
    "ROUND": "round",
    "FLOOR": "floor",
    "CEIL": "ceil",
    "TRUNC": "trunc",
    "SIGN": "sign",
    "IS_NAN": "isnan",
    "SIN": "sin",
    "COS": "cos",
    "TAN": "tan",
    "ASIN": "arcsin",
    "ACOS": "arccos",
    "ATAN": "arctan",
    "SINH": "sinh",
    "COSH": "cosh",
    "ASINH": "arcsinh",
    "ACOSH": "arccosh",
    "ATANH": "arctanh",
}
_STEPS = ("ROUND", "FLOOR", "CEIL", "TRUNC", "SIGN", "IS_NAN")


@layer_type("Unary")
class Unary(Portable):
    """Unary: rounding, the sign, a test for NaN, trigonometric and hyperbolic functions of each element.

    ROUND takes halves to the even neighbour; IS_NAN gives 1 or 0. The layer is ours, for what ONNX models compute.
    """

    message = Message("UnaryParameter", "unary_param", 2066)
    channel_rule = ChannelRule.CARRIED
    elementwise = True
    always_keeps_positions = True

    operation: str = proto(1, "enum", default="ROUND", values={name: number for number, name in enumerate(NAMES)})

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        return (Blob(one_bottom(bottoms).shape),)

    def jumps(self, n_tops: int) -> bool:
        """Where it rounds or decides."""
        return self.operation in _STEPS

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The library's function; NaN where it is not defined."""
        (x,) = bottoms
        found = getattr(lib, NAMES[self.operation])(x)
        return (found if found.dtype == x.dtype else lib.asarray(found, dtype=x.dtype),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """As `computed` says; what is not defined is NaN or infinite."""
        with np.errstate(all="ignore"):
            return tuple(map(np.asarray, super().reference(bottoms, weights, n_tops)))
