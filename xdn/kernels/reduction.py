"""Reduction over positions: those that follow each other become one, for all channels and images at once.

::

    for position in positions of y:
        total[i] = sum of f(x[position * count + k][i])  k < count; in f64
        y[position][i] = total[i] * factor
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, f64_at
from xdn.codegen.names import KernelName
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.share import share
from xdn.kernels.wholeimage import TERMS

X, Y, TOTAL, FACTOR, POSITIONS, COUNT, ROW, KIND = range(8)


def _reduce():
    def reduce(desc, frame):
        positions, count, row, kind = desc[POSITIONS], desc[COUNT], desc[ROW], desc[KIND]
        factor, total = f64_at(desc[FACTOR])[0], f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = share(frame, row)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * count * row * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * row * 4)
            for p in range(positions):
                for i in range(begin, stop):
                    total[i] = 0.0
                for k in range(count):
                    at = (p * count + k) * row
                    if kind == 0:
                        for i in range(begin, stop):
                            total[i] += x[at + i]
                    elif kind == 1:
                        for i in range(begin, stop):
                            total[i] += abs(x[at + i])
                    else:
                        for i in range(begin, stop):
                            value = np.float64(x[at + i])
                            total[i] += value * value
                for i in range(begin, stop):
                    y[p * row + i] = np.float32(total[i] * factor)

    return reduce


@family(
    "reduce_positions",
    "Reduction",
    when=lambda lowering: lowering.bottoms[0].axis(lowering.layer.params.axis) > 1,
    schedules=BOTH,
)
def lower_reduction(lowering: Lowering) -> Lowered:
    """Sum the positions of the last axes, and multiply."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    params, count = layer.params, bottom.positions // top.positions
    factor = np.array([params.coeff / (count if params.operation == "MEAN" else 1)])
    sizes = {
        FACTOR: address(factor),
        POSITIONS: top.positions,
        COUNT: count,
        ROW: top.position_elements,
        KIND: TERMS[params.operation],
    }
    source = KernelSource(KernelName("reduce_positions", lowering.isa.name), _reduce)
    blobs, scratch = {X: layer.bottoms[0], Y: layer.tops[0]}, {TOTAL: top.position_elements * 8}
    return Lowered([Step(source, words(8, sizes), blobs, (factor,), scratch=scratch)])
