"""Exp: a power of a base, of e by default."""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.graph.blob import Blob
from xdn.graph.layer import Array, Weights
from xdn.layers.activation import Activation
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.logarithm import NATURAL, check_base


@layer_type("Exp")
class Exp(Activation):
    """Exp: y = base ** (shift + scale * x); base -1 stands for e (Caffe's exp_layer.cpp)."""

    message: ClassVar = Message("ExpParameter", "exp_param", 111, 41)
    v1_name: ClassVar = "EXP"

    base: float = proto(1, "float", default=-1.0)
    scale: float = proto(2, "float", default=1.0)
    shift: float = proto(3, "float", default=0.0)

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged; the base is positive."""
        check_base(self.base)
        return super().infer(bottoms, n_tops)

    def factors(self) -> tuple[float, float]:
        """Return (a, b) of y = b * exp(a * x)."""
        base_log = 1.0 if self.base == NATURAL else math.log(self.base)
        with np.errstate(over="ignore"):
            return base_log * self.scale, float(np.exp(base_log * self.shift))

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """base ** shift * exp(log(base) * scale * x), as Caffe computes it."""
        inner, outer = self.factors()
        with np.errstate(over="ignore"):
            return (np.exp(bottoms[0] * np.float32(inner)) * np.float32(outer),)
