"""What kernels of depthwise convolutions of 8-bit integers have in common: words, and what becomes of their sums.

The sums of a group of channels (`xdn/kernels/core/groups.py`) end as those of all filters of integers do
(`xdn/kernels/contract/words/form.py`).
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.jit import I64, NUMBER, POINTER, Kind
from xdn.element import REAL, S8, U8
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of
from xdn.kernels.contract.words.form import Form, WordContract, emit_activation, has_own_coefficients
from xdn.kernels.contract.words.lower import end_words
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.descriptor import Size
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.groups import Groups, group_count
from xdn.kernels.core.taps import count_taps
from xdn.kernels.core.work import Phase
from xdn.kernels.depthwise.batch import is_depthwise
from xdn.layers.integer import IntegerFilters


class IntegerDepthwise(WordContract):
    """What both kernels are told beside their tables: groups of a position of f32, and channels."""

    groups, channels = Size(), Size()


def takes_integers(lowering: Lowering) -> bool:
    """Return whether the layer is a depthwise convolution of integers."""
    return is_depthwise(lowering) and lowering.bottoms[0].element in (U8, S8)


def end_kinds(form: Form) -> tuple[Kind, ...]:
    """Return the kinds of what `store_group` takes, as kernels pass them."""
    blobs = Kind(form.residual or REAL, "pointer"), Kind(form.top, "pointer")
    return (POINTER, POINTER, *blobs, NUMBER, NUMBER, I64)


def store_group(form: Form, groups: Groups, sums: Sequence[ir.Value], args: Sequence[ir.Value]) -> None:
    """Emit the end of the sums of a group, and its store.

    Parameters
    ----------
    form, groups
    sums : s32
    args : values
        Pointers to the multiplier and the coefficient of the group's first channel, to the group of the residual and of
        the top; the residual's scale, the inverse of the top's, and the number of the group's last row.
    """
    multipliers, at, residual, y, residual_scale, inverse, last = args
    b, values = groups.b, _values(groups, sums, multipliers)
    if form.residual is not None:
        if form.residual == REAL:
            added = groups.load(residual, last)
        else:
            added = groups.values(residual, form.residual, b.broadcast(residual_scale))
        values = [b.add(*each) for each in zip(values, added, strict=True)]
    groups.store(_activated(form, groups, values, at), y, form.top, b.broadcast(inverse), last)


def group_integers(form: Form, groups: Groups, sums: Sequence[ir.Value], args: Sequence[ir.Value]) -> list[ir.Value]:
    """Return i32 whose last bytes are what a top of integers without residual is; arguments as of `store_group`."""
    multipliers, at, _, _, _, inverse, _ = args
    values = _activated(form, groups, _values(groups, sums, multipliers), at)
    return [groups.b.quantized(value, groups.b.broadcast(inverse), form.top == S8) for value in values]


def _values(groups: Groups, sums: Sequence[ir.Value], multipliers: ir.Value) -> list[ir.Value]:
    b = groups.b
    return [b.mul(b.rounded(x), m) for x, m in zip(sums, groups.coefficients(multipliers), strict=True)]


def _activated(form: Form, groups: Groups, values: Sequence[ir.Value], at: ir.Value) -> list[ir.Value]:
    b = groups.b
    own = groups.coefficients(at) if has_own_coefficients(form) else [b.broadcast(b.scalar(at))] * groups.rows
    return [emit_activation(b, form, *each) for each in zip(values, own, strict=True)]


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
    top = lowering.top()
    padded = np.zeros((*bias.shape[:-1], channels), np.int32)
    padded[..., : top.channels] = bias
    return end_words(lowering, channels) | {
        "x": lowering.layer.bottoms[0],
        "bias": aligned(padded),
        "multipliers": aligned_vectors(filters.factor, channels),
        "x_block": lowering.bottom().block_elements,
        "groups": group_count(top),
        "channels": top.channels,
    }


def integer_phases(lowering: Lowering, vector_cycles: float, tap_cycles: float) -> tuple[Phase, ...]:
    """Return what the taps take, each so many cycles for a vector of bytes, and what ends their sums."""
    sizes, places = lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:]
    taps = count_taps(sizes, places, filters_of(lowering.layer).window_over(lowering.bottoms[0]))
    return lowering.moving_bytes(vector_cycles + tap_cycles * taps / prod(places))
