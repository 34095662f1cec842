"""Comparison: whether an element compares so to a number."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from xdn.layers.base import Message, layer_type, proto
from xdn.layers.binary import COMPARISONS
from xdn.layers.function import FLOAT, Constant, Formula, Function, Functional, Kernel, Node, Value, X, node


class _Spelling(NamedTuple):
    """How kernels and ONNX spell an operation."""

    sign: str
    onnx: str


_SPELLINGS: Final[Mapping[str, _Spelling]] = {
    "EQUAL": _Spelling("==", "Equal"),
    "LESS": _Spelling("<", "Less"),
    "LESS_OR_EQUAL": _Spelling("<=", "LessOrEqual"),
    "GREATER": _Spelling(">", "Greater"),
    "GREATER_OR_EQUAL": _Spelling(">=", "GreaterOrEqual"),
}


def _formula(sign: str) -> Formula:
    return lambda m, x, number, one, zero: m.where(x, sign, number, one, zero)


@layer_type("Comparison")
class Comparison(Function):
    """Comparison: y = 1 where x compares so to a number, else 0 (also where x is NaN).

    The layer is ours, for what ONNX models compare.
    """

    message = Message("ComparisonParameter", "comparison_param", 2090)
    word = "equal"
    formula = staticmethod(_formula("=="))
    always_jumps = True

    operation: str = proto(1, "enum", default="EQUAL", values={name: number for number, name in enumerate(_SPELLINGS)})
    number: float = proto(2, "float", default=0.0)

    def numpy(self, x: Value) -> Value:
        """As NumPy compares."""
        return COMPARISONS[self.operation](x, np.float32(self.number)).astype(np.float32)

    def constants(self) -> tuple[float, float, float]:
        """The number, and what stands where the comparison holds, and where not."""
        return (self.number, 1, 0)

    def kernel(self) -> Kernel:
        """A choice by the operation's own comparison."""
        return Kernel(self.operation.lower(), _formula(_SPELLINGS[self.operation].sign), self.constants())

    def onnx(self) -> Node:
        """The comparison, as f32."""
        compared = node(_SPELLINGS[self.operation].onnx, X, Constant("number", self.number), name="compared")
        return node("Cast", compared, to=FLOAT)

    def torch(self, functional: Functional, x: Value) -> Value:
        """As PyTorch compares."""
        return COMPARISONS[self.operation](x, self.number).to(x.dtype)
