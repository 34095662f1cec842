"""Eltwise: product, quotient, weighted sum, maximum or minimum of several blobs of one shape."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Quantized, Weights
from xdn.layers.base import Field, Message, layer_type, proto
from xdn.layers.portable import Library, Portable

OPERATIONS = {"PROD": 0, "SUM": 1, "MAX": 2, "MIN": 3, "DIV": 4}


@layer_type("Eltwise", v1_name="ELTWISE")
class Eltwise(Portable):
    """Eltwise: PROD, SUM (with one `coeff` a bottom), MAX, MIN or DIV over the bottoms, element by element.

    Not in place: Caffe clears the top before it sums. The source is Caffe's eltwise_layer.cpp; MIN, and DIV of two
    bottoms, are in that of Synopsys' Caffe.
    """

    message = Message("EltwiseParameter", "eltwise_param", 110, 24)
    unused = {"stable_prod_grad": Field(3, "bool")}
    channel_rule = ChannelRule.CARRIED
    has_bf16_form = True
    always_keeps_positions = True

    operation: str = proto(1, "enum", default="SUM", values=OPERATIONS)
    coeff: tuple[float, ...] = proto(2, "float", default=(), repeated=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The one shape of all bottoms."""
        shapes = {bottom.shape for bottom in bottoms}
        if len(bottoms) < 2:
            raise ShapeError(f"{len(bottoms)} bottoms; it takes two or more")
        if self.operation == "DIV" and len(bottoms) != 2:
            raise ShapeError(f"{len(bottoms)} bottoms; DIV takes two")
        if len(shapes) > 1:
            raise ShapeError(f"bottoms of different shapes: {', '.join(str(b.shape) for b in bottoms)}")
        if self.coeff and self.operation != "SUM":
            raise ShapeError(f"coeff is given for the operation {self.operation}; only SUM takes it")
        if len(self.coeff) not in (0, len(bottoms)):
            raise ShapeError(f"{len(self.coeff)} coeff for {len(bottoms)} bottoms; give one a bottom, or none")
        return (Blob(bottoms[0].shape),)

    def why_real(self, bottoms: Blobs) -> str | None:
        """All but two operations have an 8-bit form."""
        return self._why_f32

    def why_no_bf16(self, bottoms: Blobs) -> str | None:
        """The same have a form for bf16."""
        return self._why_f32

    @property
    def _why_f32(self) -> str | None:
        """Why it takes f32 only."""
        return "takes a minimum" if self.operation == "MIN" else "divides" if self.operation == "DIV" else None

    def quantized_reference(
        self, bottoms: Arrays, read: Sequence[Quantized], weights: Weights, n_tops: int
    ) -> tuple[Array, ...]:
        """SUM: f32(integer) * f32(coeff * scale) of each bottom, added from first to last; others: of values."""
        if self.operation != "SUM":
            return super().quantized_reference(bottoms, read, weights, n_tops)
        coefficients = self.coeff or (1.0,) * len(bottoms)
        factors = (np.float32(c) * np.float32(how.scale) for c, how in zip(coefficients, read, strict=True))
        return (reduce(np.add, (x.astype(np.float32) * f for x, f in zip(bottoms, factors, strict=True))),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """From the first bottom to the last, in f32; MAX and MIN take NaN as Caffe's comparison does."""
        if self.operation == "PROD":
            return (reduce(lib.multiply, bottoms),)
        if self.operation == "DIV":
            return (lib.divide(*bottoms),)
        if self.operation == "MIN":
            first = lib.where(bottoms[0] < bottoms[1], bottoms[0], bottoms[1])
            return (reduce(lambda top, x: lib.where(x < top, x, top), bottoms[2:], first),)
        if self.operation == "MAX":
            first = lib.where(bottoms[0] > bottoms[1], bottoms[0], bottoms[1])
            return (reduce(lambda top, x: lib.where(x > top, x, top), bottoms[2:], first),)
        if not any(c != 1 for c in self.coeff):
            return (reduce(lib.add, bottoms),)
        factors = (lib.asarray(c, dtype=bottoms[0].dtype) for c in self.coeff)
        return (reduce(lib.add, (c * x for c, x in zip(factors, bottoms, strict=True))),)
