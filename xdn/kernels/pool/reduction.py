"""Reduction: over all that an image has, or over positions that follow each other; several images at once.

The sums are a vector, of all images of a block or of all that a position has; threads share its elements, so that each
has sums of its own::

    for group in groups of vectors of x:
        total[i] = sum of f(vector[i]) for vector in group; in f64
        y[group][i] = total[i] * factor
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, f64_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion

#: A group has POSITIONS, each with VECTORS of WIDTH elements. X_PLACE, Y_PLACE: elements from one position to the next.
X, Y, TOTAL, FACTOR, GROUPS, POSITIONS, VECTORS, WIDTH, X_PLACE, Y_PLACE, TERMS = range(11)
WORD_COUNT = 11
#: What TERMS says of the numbers that are summed.
PLAIN, ABSOLUTE, SQUARED = range(3)
_TERMS = {"SUM": PLAIN, "MEAN": PLAIN, "ASUM": ABSOLUTE, "SUMSQ": SQUARED}


def _reduce():
    def reduce(desc, frame):
        groups, positions, vectors, width = desc[GROUPS], desc[POSITIONS], desc[VECTORS], desc[WIDTH]
        x_place, y_place, terms = desc[X_PLACE], desc[Y_PLACE], desc[TERMS]
        factor, total = f64_at(desc[FACTOR])[0], f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = portion(frame, width)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * groups * positions * x_place * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * groups * y_place * 4)
            for group in range(groups):
                for i in range(begin, stop):
                    total[i] = 0.0
                for p in range(group * positions, (group + 1) * positions):
                    for vector in range(vectors):
                        at = p * x_place + vector * width
                        if terms == PLAIN:
                            for i in range(begin, stop):
                                total[i] += x[at + i]
                        elif terms == ABSOLUTE:
                            for i in range(begin, stop):
                                total[i] += abs(x[at + i])
                        else:
                            for i in range(begin, stop):
                                value = np.float64(x[at + i])
                                total[i] += value * value
                for i in range(begin, stop):
                    y[group * y_place + i] = np.float32(total[i] * factor)

    return reduce


@family("reduce", "Reduction", when=lambda it: it.bottoms[0].axis(it.layer.params.axis) > 0, schedules=BOTH)
def lower_reduction(lowering: Lowering) -> Lowered:
    """Sum what an image has, or the positions of its last axes, and multiply."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    params = layer.params
    if lowering.bottoms[0].axis(params.axis) == 1:
        groups, vectors, width = 1, bottom.channels, bottom.images
    else:
        groups, vectors, width = top.positions, 1, bottom.position_elements
    positions = bottom.positions // groups
    factor = np.array([params.coeff / (positions * vectors if params.operation == "MEAN" else 1)])
    sizes = {
        FACTOR: address(factor),
        GROUPS: groups,
        POSITIONS: positions,
        VECTORS: vectors,
        WIDTH: width,
        X_PLACE: bottom.position_elements,
        Y_PLACE: top.position_elements,
        TERMS: _TERMS[params.operation],
    }
    source = KernelSource(KernelName("reduce", lowering.target.name), _reduce)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]}
    return Lowered([Step(source, words(WORD_COUNT, sizes), blobs, (factor,), scratch={TOTAL: width * 8})])
