"""Softmax along rows, columns or both: sums over positions that stay vectors.

A row is what one position has: all channels, and in the batch schedule all images of a block. Threads share the
elements of a row, so that each has sums of its own::

    for group in groups:                                   the positions along the axis
        most[i]  = max over positions of x[position][i]
        y[..][i] = e ** (x[..][i] - most[i]);  total[i] = sum of y[..][i]
        y[..][i] /= total[i]
"""

import numpy as np

from xdn.codegen.intrinsics import at, at_element
from xdn.codegen.source import KernelBody
from xdn.element import S64, real
from xdn.graph import Blob
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Scratch, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.mathematics import exp
from xdn.kernels.core.portion import portion


class SoftmaxPositions(Descriptor):
    """The first position of each group; positions of a group, from one to the next, and of an image; a row's elements.

    most, total
        A row each.
    """

    x, y, most, total = Place(), Place(), Scratch(), Scratch()
    groups = Pointer(S64)
    group_count, count, step, positions, y_pitch = (Size() for _ in range(5))


def _softmax() -> KernelBody:
    def softmax(d, frame):
        groups, row, positions, count, step = d.groups, d.y_pitch, d.positions, d.count, d.step * d.y_pitch
        most, total = at(frame, d.most), at(frame, d.total)
        begin, stop = portion(frame, row)
        for block in range(frame.blocks):
            x = at_element(frame, d.x, block * positions * row)
            y = at_element(frame, d.y, block * positions * row)
            for g in range(d.group_count):
                first = groups[g] * row
                for i in range(begin, stop):
                    most[i] = x[first + i]
                    total[i] = real(0)
                for k in range(1, count):
                    for i in range(begin, stop):
                        value = x[first + k * step + i]
                        most[i] = value if value > most[i] else most[i]
                for k in range(count):
                    for i in range(begin, stop):
                        power = exp(x[first + k * step + i] - most[i])
                        y[first + k * step + i] = power
                        total[i] += power
                for k in range(count):
                    for i in range(begin, stop):
                        y[first + k * step + i] /= total[i]

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


@family("softmax_positions", "Softmax", when=_over_positions, schedules=BOTH)
def lower_softmax(lowering: Lowering) -> Lowered:
    """e**(x - max) over their sum, along positions."""
    blob, row = lowering.bottoms[0], lowering.top().position_elements
    starts, step, count = axis_positions(blob, blob.axis(lowering.params.axis))
    tables = {"groups": starts, "group_count": len(starts), "count": count, "step": step}
    words = lowering.words(SoftmaxPositions, most=row, total=row, **tables)
    return Lowered([lowering.step("softmax_positions", _softmax, words, serves_both=True)])
