"""Maxima with their places, and values put back to such places, as SegNet's encoder and decoder do.

Row by row of a position's values, so that loops are over neighbours in both schedules::

    y[:], at[:] = LOWEST, -1                               largest
    for tap in taps(position):
        for i in row:
            y[i], at[i] = (x[tap][i], number(tap)) if x[tap][i] > y[i]

    y[:] = 0                                               put back
    for position in positions of x:
        for i in row:
            y[at[i]][i] = x[position][i]                   where that is a position of y
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import plain_tap_lists
from xdn.kernels.pool.pooling import pooling_footprint
from xdn.layers.pooling import LOWEST

X, Y, AT, POSITIONS, POSITION_COUNT, TAPS, X_BLOCK, Y_BLOCK, ROW, START = range(10)
BACK_X, BACK_AT, BACK_Y, BACK_POSITIONS, BACK_PLACES, BACK_ROW = range(6)


def _largest():
    def largest(desc, frame):
        positions, taps, row = i64_at(desc[POSITIONS]), i64_at(desc[TAPS]), desc[ROW]
        start = f32_at(desc[START])[0]
        begin, stop = portion(frame, desc[POSITION_COUNT])
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * desc[X_BLOCK] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * desc[Y_BLOCK] * 4)
            at = f32_at(frame[ARENA] + desc[AT] + block * desc[Y_BLOCK] * 4)
            for p in range(begin, stop):
                place, first, end = positions[4 * p], positions[4 * p + 1], positions[4 * p + 2]
                out = positions[4 * p + 3] * row
                for i in range(row):
                    y[out + i] = start
                    at[out + i] = np.float32(-1)
                for t in range(first, end):
                    number = place + taps[2 * t]
                    for i in range(row):
                        value, most = x[number * row + i], y[out + i]
                        larger = value > most
                        y[out + i] = value if larger else most
                        at[out + i] = np.float32(number) if larger else at[out + i]

    return largest


@family(
    "pool_places",
    "Pooling",
    when=lambda lowering: len(lowering.tops) == 2,
    schedules=BOTH,
    footprint=pooling_footprint,
)
def lower_places(lowering: Lowering) -> Lowered:
    """Take the maximum of each window, and the number of its position."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    sizes = lowering.bottoms[0].shape[2:]
    lists = plain_tap_lists(sizes, lowering.tops[0].shape[2:], layer.params.window(sizes))
    positions, taps = np.ascontiguousarray(lists.positions), np.ascontiguousarray(lists.taps)
    start = np.array([LOWEST], np.float32)
    sizes = {
        POSITIONS: address(positions),
        POSITION_COUNT: len(positions),
        TAPS: address(taps),
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
        ROW: top.position_elements,
        START: address(start),
    }
    source = KernelSource(KernelName("max_pool_places", lowering.target.name), _largest)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0], AT: layer.tops[1]}
    return Lowered([Step(source, words(10, sizes), blobs, (positions, taps, start))])


def _put_back():
    def put_back(desc, frame):
        positions, places, row = desc[BACK_POSITIONS], desc[BACK_PLACES], desc[BACK_ROW]
        most = np.float32(places)
        # Threads share the elements of a row: what two positions put to one place, one thread puts there, in order.
        begin, stop = portion(frame, row)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[BACK_X] + block * positions * row * 4)
            at = f32_at(frame[ARENA] + desc[BACK_AT] + block * positions * row * 4)
            y = f32_at(frame[ARENA] + desc[BACK_Y] + block * places * row * 4)
            for p in range(places):
                for i in range(begin, stop):
                    y[p * row + i] = np.float32(0)
            for p in range(positions):
                for i in range(begin, stop):
                    place = at[p * row + i]
                    # Places are data: none may lead out of the blob, and NaN is no place.
                    if place >= np.float32(0) and place < most:
                        y[np.int64(place) * row + i] = x[p * row + i]

    return put_back


@family("put_back", "Upsample", when=lambda lowering: len(lowering.bottoms) == 2, schedules=BOTH)
def lower_put_back(lowering: Lowering) -> Lowered:
    """Put each value to its place, and zeros around them."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    sizes = {BACK_POSITIONS: bottom.positions, BACK_PLACES: top.positions, BACK_ROW: top.position_elements}
    source = KernelSource(KernelName("put_back", lowering.target.name), _put_back)
    blobs = {BACK_X: layer.bottoms[0], BACK_AT: layer.bottoms[1], BACK_Y: layer.tops[0]}
    return Lowered([Step(source, words(6, sizes), blobs)])
