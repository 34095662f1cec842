"""What kernels of depthwise convolutions of 8-bit integers have in common: words, and what becomes of their sums.

For a group of channels (`xdn/kernels/core/groups.py`), each operation rounded once and none fused with another::

    value = f32(acc) * multiplier[c]
    value = value + residual                               of f32, or f32(residual) * residual_scale
    value = f(value, coefficient[c])                       activation
    y     = value                                          or its integers: clip(rint(value * inverse))
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.jit import I64, NUMBER, POINTER, Kind
from xdn.codegen.names import KernelName
from xdn.element import REAL, S8, S32, U8, Element
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.descriptor import Number, Place, Pointer, Size, redeclared
from xdn.kernels.core.epilogue import SUM, Fused, activation_of, coefficients, epilogue_parts
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.groups import Groups, group_count
from xdn.kernels.core.taps import count_taps
from xdn.kernels.core.work import Phase
from xdn.kernels.depthwise.batch import is_depthwise
from xdn.layers.integer import IntegerFilters


class IntegerDepthwise(Fused):
    """What both kernels are told beside their tables.

    multipliers
        What a sum of 1 stands for, one for each channel.
    groups, channels
        Groups of a position of f32; channels.
    residual_block
        Elements of a block of the residual.
    residual_scale, inverse
        What a residual of 1 stands for, and 1 / what a top of 1 does.
    """

    weights, bias = Pointer(S32), Pointer(S32)
    multipliers = Pointer()
    residual_block, groups, channels = Size(), Size(), Size()
    residual_scale, inverse = Number(), Number()


def takes_integers(lowering: Lowering) -> bool:
    """Return whether the layer is a depthwise convolution of integers."""
    return is_depthwise(lowering) and lowering.bottoms[0].element in (U8, S8)


@dataclass(frozen=True)
class Ending:
    """What becomes of sums.

    Parameters
    ----------
    x, top : Element
        Of the bottom; of the top.
    residual : Element, optional
    parts : tuple of str
        Of the epilogue, as `epilogue_parts` gives them.
    """

    x: Element
    top: Element
    residual: Element | None
    parts: tuple[str, ...]

    @staticmethod
    def of(lowering: Lowering) -> "Ending":
        """Return the ending of a layer."""
        residual = lowering.added[0].element if lowering.layer.residual else None
        parts = epilogue_parts(lowering.layer)
        return Ending(lowering.bottoms[0].element, lowering.tops[0].element, residual, parts)

    def name(self, op: str, lowering: Lowering) -> KernelName:
        """Return the name of a kernel."""
        residual = (self.residual.name,) if self.residual else ()
        parts = tuple(part for each in self.parts for part in ((each, *residual) if each == SUM else (each,)))
        target = lowering.target
        op = lowering.schedule.op(f"{op}_{target.dots}")
        return KernelName(op, target.name, (*parts, "to", self.top.name), element=self.x, weights=S8)

    def declared(self, words: type[IntegerDepthwise]) -> type[IntegerDepthwise]:
        """Return how words are declared for the blobs."""
        for name, element in {"x": self.x, "y": self.top, "residual": self.residual or REAL}.items():
            words = redeclared(words, element, Place, name)
        return words

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What `store` takes, as kernels pass it."""
        blobs = Kind(self.residual or REAL, "pointer"), Kind(self.top, "pointer")
        return (POINTER, POINTER, *blobs, NUMBER, NUMBER, I64)

    def store(self, groups: Groups, sums: Sequence[ir.Value], args: Sequence[ir.Value]) -> None:
        """Emit the end of the sums of a group, and its store.

        Parameters
        ----------
        groups : Groups
        sums : s32
        args : values
            Pointers to the multiplier and the coefficient of the group's first channel, to the group of the residual
            and of the top; the residual's scale, the inverse of the top's, and the number of the group's last row.
        """
        multipliers, at, residual, y, residual_scale, inverse, last = args
        b, values = groups.b, self._values(groups, sums, multipliers)
        if self.residual == REAL:
            values = [b.add(*each) for each in zip(values, groups.load(residual, last), strict=True)]
        elif self.residual:
            added = groups.values(residual, self.residual, b.broadcast(residual_scale))
            values = [b.add(*each) for each in zip(values, added, strict=True)]
        groups.store(self._activated(groups, values, at), y, self.top, b.broadcast(inverse), last)

    def integers(self, groups: Groups, sums: Sequence[ir.Value], args: Sequence[ir.Value]) -> list[ir.Value]:
        """Return i32 whose last bytes are what a top of integers without residual is; arguments as of `store`."""
        multipliers, at, _, _, _, inverse, _ = args
        values = self._activated(groups, self._values(groups, sums, multipliers), at)
        return [groups.b.quantized(value, groups.b.broadcast(inverse), self.top == S8) for value in values]

    @staticmethod
    def _values(groups: Groups, sums: Sequence[ir.Value], multipliers: ir.Value) -> list[ir.Value]:
        b = groups.b
        return [b.mul(b.rounded(x), m) for x, m in zip(sums, groups.coefficients(multipliers), strict=True)]

    def _activated(self, groups: Groups, values: Sequence[ir.Value], at: ir.Value) -> Sequence[ir.Value]:
        b, activation = groups.b, activation_of(self.parts)
        if activation is None:
            return values
        own = groups.coefficients(at) if activation.per_channel else [b.broadcast(b.scalar(at))] * groups.rows
        return [activation.emit(b, *each) for each in zip(values, own, strict=True)]


def ending_words(lowering: Lowering, filters: IntegerFilters, bias: Array, channels: int) -> dict[str, Any]:
    """Return the values of the fields of `IntegerDepthwise` but the weights.

    Parameters
    ----------
    lowering, filters
    bias : (..., C) int32
        What sums begin with.
    channels : int
        For which factors are read: as many as groups have, zeros for those after the last.
    """
    layer, top = lowering.layer, lowering.top()
    padded = np.zeros((*bias.shape[:-1], channels), np.int32)
    padded[..., : top.channels] = bias
    words: dict[str, Any] = {
        "x": layer.bottoms[0],
        "y": layer.tops[0],
        "residual": layer.residual,
        "bias": aligned(padded),
        "multipliers": aligned_vectors(filters.factor, channels),
        "coefficients": aligned_vectors(coefficients(layer, top.channels), channels),
        "x_block": lowering.bottom().block_elements,
        "y_block": top.block_elements,
        "groups": group_count(top),
        "channels": top.channels,
        "inverse": lowering.inverse,
    }
    if layer.residual:
        words["residual_block"] = lowering.projected().block_elements
        words["residual_scale"] = layer.quantized[-1].scale
    return words


def integer_phases(lowering: Lowering, vector_cycles: float, tap_cycles: float) -> tuple[Phase, ...]:
    """Return what the taps take, each so many cycles for a vector of bytes, and what ends their sums."""
    sizes, places = lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:]
    taps = count_taps(sizes, places, filters_of(lowering.layer).window_over(lowering.bottoms[0]))
    return lowering.moving_bytes(vector_cycles + tap_cycles * taps / prod(places))


def over_alike_residual(lowering: Lowering) -> dict[str, str]:
    """Return the top -> the residual in whose place it may be written: one that lies as the top does."""
    alike = lowering.layer.residual is not None and replace(lowering.projected(), exact=False) == lowering.top()
    return lowering.over_residual() if alike else {}
