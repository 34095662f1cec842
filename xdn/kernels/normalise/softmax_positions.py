"""Softmax along rows, columns or both: sums over positions that stay vectors.

A row is what one position has: all channels, and in the batch schedule all images of a block::

    for group in groups:                                   the positions along the axis
        for vector of a row:
            most  = max over positions of x[position][vector]
            y[..] = e ** (x[..][vector] - most);  total = sum of y[..]
            y[..] /= total
"""

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.element import S64
from xdn.graph import Blob
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.kernels.normalise.softmax import VECTOR_CYCLES, emit_softmax


class SoftmaxPositions(Descriptor):
    """The first position of each group; positions of a group, from one to the next, and of an image; a row's vectors.

    y_pitch
        Elements of a row.
    """

    x, y = Place(), Place()
    groups = Pointer(S64)
    group_count, count, step, positions, vectors, y_pitch = (Size() for _ in range(6))


def _column(target: Target) -> Any:
    """Return the intrinsic that computes all positions of a group for one vector of a row."""

    @emitted(VOID, POINTER, I64, POINTER, I64)
    def column(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        emit_softmax(VectorBuilder(irbuilder, target), *args)

    return column


def _softmax(target: Target) -> KernelBody:
    column, lanes = _column(target), target.lanes

    def softmax(d, frame):
        groups, pitch, vectors, group_count = d.groups, d.y_pitch, d.vectors, d.group_count
        begin, end = portion(frame, frame.blocks * group_count * vectors)
        for unit in range(begin, end):
            part = unit // vectors
            block = part // group_count
            first = block * d.positions + groups[part - block * group_count]
            place = first * pitch + (unit - part * vectors) * lanes
            column(at_element(frame, d.x, place), d.count, at_element(frame, d.y, place), d.step * pitch)

    return softmax


def _over_positions(lowering: Lowering) -> bool:
    """Return whether the sum runs over an axis after the channels."""
    return lowering.bottoms[0].axis(lowering.params.axis) > 1


def axis_positions(blob: Blob, axis: int) -> tuple[np.ndarray, int, int]:
    """Return how an axis after the channels lies in the positions of an image.

    Returns
    -------
    starts : (G,) int64
        The first position of each group along the axis.
    step, count : int
        Positions from one to the next, and how many there are.
    """
    places = np.arange(int(np.prod(blob.shape[2:]))).reshape(blob.shape[2:])
    along = np.moveaxis(places, axis - 2, 0)
    count = len(along)
    step = int(along.reshape(count, -1)[1, 0] - along.reshape(count, -1)[0, 0]) if count > 1 else 0
    return np.ascontiguousarray(along[0].ravel(), np.int64), step, count


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    return lowering.moving(VECTOR_CYCLES)


@family("softmax_positions", "Softmax", when=_over_positions, schedules=BOTH, phases=_phases)
def lower_softmax(lowering: Lowering) -> Lowered:
    """e**(x - max) over their sum, along positions."""
    blob, top = lowering.bottoms[0], lowering.top()
    starts, step, count = axis_positions(blob, blob.axis(lowering.params.axis))
    tables = {"groups": starts, "group_count": len(starts), "count": count, "step": step}
    words = lowering.words(SoftmaxPositions, vectors=top.position_elements // top.lanes, **tables)
    make = partial(_softmax, lowering.target)
    return Lowered([lowering.step("softmax_positions", make, words, serves_both=True)])
