"""Embed: for each number of the bottom a row of a table.

::

    for position in positions of x:
        for i in row:
            number = x[position][i], brought into the range
            for k in values:
                y[position][k][i] = table[number][k] + bias[k]

A bottom without channels, (N,), has its values where others have channels.
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion

#: NUMBERS: of a position of x. STEP: f32 from one value of y to the next; X_PLACE, Y_PLACE: from one position on.
X, Y, TABLE, BIAS, ROWS, VALUES, POSITIONS, NUMBERS, X_PLACE, Y_PLACE, STEP = range(11)


def _embed():
    def embed(desc, frame):
        table, bias, values, step = f32_at(desc[TABLE]), f32_at(desc[BIAS]), desc[VALUES], desc[STEP]
        positions, numbers, last = desc[POSITIONS], desc[NUMBERS], desc[ROWS] - 1
        begin, stop = portion(frame, positions)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * desc[X_PLACE] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * desc[Y_PLACE] * 4)
            for p in range(begin, stop):
                for i in range(numbers):
                    given, row = np.float64(x[p * desc[X_PLACE] + i]), 0
                    # NaN is no number of a row; it compares as false.
                    if given >= last:
                        row = last
                    elif given > 0.0:
                        row = np.int64(given)
                    for k in range(values):
                        y[p * desc[Y_PLACE] + k * step + i] = table[row * values + k] + bias[k]

    return embed


@family("embed", "Embed", schedules=BOTH)
def lower_embed(lowering: Lowering) -> Lowered:
    """Look up each number's row, and add the bias."""
    layer, bottom = lowering.layer, lowering.bottom()
    images = bottom.images
    single = len(lowering.bottoms[0].shape) == 1
    values, top = layer.params.num_output, lowering.top()
    table = np.ascontiguousarray(layer.weights["weight"], np.float32)
    bias = np.ascontiguousarray(layer.weights.get("bias", np.zeros(values)), np.float32)
    sizes = {
        TABLE: address(table),
        BIAS: address(bias),
        ROWS: len(table),
        VALUES: values,
        POSITIONS: bottom.positions,
        NUMBERS: images if single else bottom.position_elements,
        X_PLACE: bottom.position_elements,
        Y_PLACE: top.position_elements if single else values * top.position_elements,
        STEP: images if single else top.position_elements,
    }
    source = KernelSource(KernelName("embed", lowering.target.name), _embed)
    return Lowered([Step(source, words(11, sizes), {X: layer.bottoms[0], Y: layer.tops[0]}, (table, bias))])
