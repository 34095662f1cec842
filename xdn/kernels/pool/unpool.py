"""Maxima with their indices, and values put back to such indices, as SegNet's encoder and decoder do.

An index is the number of a position of an image, as in ONNX's MaxPool and MaxUnpool; each value has one. Row by row of
a position's values, so that loops are over neighbours in both schedules::

    y[:], indices[:] = LOWEST, -1                          largest
    for tap in taps(position):
        for i in row:
            y[i], indices[i] = (x[tap][i], number(tap)) if x[tap][i] > y[i]

    y[:] = 0                                               unpool
    for position in positions of x:
        for i in row:
            y[indices[i]][i] = x[position][i]              where that is a position of y
"""

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.element import S64, real
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import plain_tap_lists
from xdn.kernels.pool.pooling import pooling_footprint
from xdn.layers.pooling import LOWEST


class Largest(Descriptor):
    """Tables of `TapLists`, in positions; elements of a row and of blocks; what every maximum starts from."""

    x, y, indices = Place(), Place(), Place()
    positions, taps = Pointer(S64), Pointer(S64)
    position_count, y_pitch, x_block, y_block = (Size() for _ in range(4))
    start = Number()


def _largest() -> KernelBody:
    def largest(d, frame):
        positions, taps, row, start = d.positions, d.taps, d.y_pitch, d.start
        begin, stop = portion(frame, d.position_count)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            indices = at_element(frame, d.indices, block * d.y_block)
            for p in range(begin, stop):
                window, first, end = positions[4 * p], positions[4 * p + 1], positions[4 * p + 2]
                out = positions[4 * p + 3] * row
                for i in range(row):
                    y[out + i] = start
                    indices[out + i] = real(-1)
                for t in range(first, end):
                    number = window + taps[2 * t]
                    for i in range(row):
                        value, most = x[number * row + i], y[out + i]
                        larger = value > most
                        y[out + i] = value if larger else most
                        indices[out + i] = real(number) if larger else indices[out + i]

    return largest


@family(
    "pool_indices",
    "Pooling",
    when=lambda lowering: len(lowering.tops) == 2,
    schedules=BOTH,
    footprint=pooling_footprint,
)
def lower_pool_indices(lowering: Lowering) -> Lowered:
    """Take the maximum of each window, and the number of its position."""
    sizes = lowering.bottoms[0].shape[2:]
    lists = plain_tap_lists(sizes, lowering.tops[0].shape[2:], lowering.params.window(sizes))
    words = lowering.words(
        Largest,
        indices=lowering.layer.tops[1],
        positions=np.ascontiguousarray(lists.positions),
        taps=np.ascontiguousarray(lists.taps),
        position_count=len(lists.positions),
        start=LOWEST,
    )
    return Lowered([lowering.step("max_pool_indices", _largest, words, serves_both=True)])


class Unpool(Descriptor):
    """Positions of x and y, and the elements of a row."""

    x, indices, y = Place(), Place(), Place()
    x_positions, y_positions, row = Size(), Size(), Size()


def _unpool() -> KernelBody:
    def unpool(d, frame):
        x_positions, y_positions, row = d.x_positions, d.y_positions, d.row
        end = real(y_positions)
        # Threads share the elements of a row: of two values for one position, one thread puts both there, in order.
        begin, stop = portion(frame, row)
        for block in range(frame.blocks):
            x = at_element(frame, d.x, block * x_positions * row)
            indices = at_element(frame, d.indices, block * x_positions * row)
            y = at_element(frame, d.y, block * y_positions * row)
            for p in range(y_positions):
                for i in range(begin, stop):
                    y[p * row + i] = real(0)
            for p in range(x_positions):
                for i in range(begin, stop):
                    index = indices[p * row + i]
                    # Indices are data: none may lead out of the blob, and NaN is not one.
                    if index >= real(0) and index < end:
                        y[np.int64(index) * row + i] = x[p * row + i]

    return unpool


@family("unpool", "Upsample", "Unpooling", when=lambda lowering: len(lowering.bottoms) == 2, schedules=BOTH)
def lower_unpool(lowering: Lowering) -> Lowered:
    """Put each value to the position of its index, and zeros around them."""
    (x, indices), (y,), top = lowering.layer.bottoms, lowering.layer.tops, lowering.top()
    sizes = {"x_positions": lowering.bottom().positions, "y_positions": top.positions, "row": top.position_elements}
    return Lowered([lowering.step("unpool", _unpool, Unpool(x=x, indices=indices, y=y, **sizes), serves_both=True)])
