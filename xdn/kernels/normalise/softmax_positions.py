"""Softmax along rows, columns or both: sums over positions that stay vectors.

A row is what one position has: all channels, and in the batch schedule all images of a block. Threads share the
elements of a row, so that each has sums of its own::

    for group in groups:                                   the positions along the axis
        most[i]  = max over positions of x[position][i]
        y[..][i] = e ** (x[..][i] - most[i]);  total[i] = sum of y[..][i]
        y[..][i] /= total[i]
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.graph.blob import Blob
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.mathematics import exp
from xdn.kernels.core.portion import portion

X, Y, MOST, TOTAL, GROUPS, GROUP_COUNT, COUNT, STEP, POSITIONS, ROW = range(10)


def _softmax():
    def softmax(desc, frame):
        groups, row, positions = i64_at(desc[GROUPS]), desc[ROW], desc[POSITIONS]
        count, step = desc[COUNT], desc[STEP] * row
        most, total = f32_at(frame[ARENA] + desc[MOST]), f32_at(frame[ARENA] + desc[TOTAL])
        begin, stop = portion(frame, row)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * row * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * row * 4)
            for g in range(desc[GROUP_COUNT]):
                first = groups[g] * row
                for i in range(begin, stop):
                    most[i] = x[first + i]
                    total[i] = np.float32(0)
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
    """Return whether the sum runs over an axis behind the channels."""
    return lowering.bottoms[0].axis(lowering.layer.params.axis) > 1


def axis_positions(blob: Blob, axis: int) -> tuple[np.ndarray, int, int]:
    """Return how an axis behind the channels lies in the positions of an image.

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
    layer, layout, blob = lowering.layer, lowering.top(), lowering.bottoms[0]
    starts, step, count = axis_positions(blob, blob.axis(layer.params.axis))
    row = layout.position_elements
    sizes = {
        GROUPS: address(starts),
        GROUP_COUNT: len(starts),
        COUNT: count,
        STEP: step,
        POSITIONS: layout.positions,
        ROW: row,
    }
    source = KernelSource(KernelName("softmax_positions", lowering.target.name), _softmax)
    blobs, scratch = {X: layer.bottoms[0], Y: layer.tops[0]}, {MOST: row * 4, TOTAL: row * 4}
    return Lowered([Step(source, words(10, sizes), blobs, (starts,), scratch=scratch)])
