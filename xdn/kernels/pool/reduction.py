"""Reduction: over all that an image has, or over positions that follow each other; several images at once.

The sums are a vector, of all images of a block or of all that a position has; threads share its elements, so that each
has sums of its own::

    for group in groups of vectors of x:
        total[i] = sum of f(vector[i]) for vector in group; in f64
        y[group][i] = total[i] * factor
"""

import numpy as np

from xdn.codegen.intrinsics import at, at_element
from xdn.codegen.source import KernelBody
from xdn.element import F64, real
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Scratch, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion

#: What is done to the numbers that are summed.
PLAIN, ABSOLUTE, SQUARED = range(3)
_TERMS = {"SUM": PLAIN, "MEAN": PLAIN, "ASUM": ABSOLUTE, "SUMSQ": SQUARED}


class Reduce(Descriptor):
    """Groups of `positions`, each with `vectors` of `width` elements; elements from one position to the next."""

    x, y, total = Place(), Place(), Scratch(F64)
    groups, positions, vectors, width, x_pitch, y_pitch, terms = (Size() for _ in range(7))
    factor = Number(F64)


def _reduce() -> KernelBody:
    def reduce(d, frame):
        groups, positions, vectors, width = d.groups, d.positions, d.vectors, d.width
        x_pitch, y_pitch, terms, factor, total = d.x_pitch, d.y_pitch, d.terms, d.factor, at(frame, d.total)
        begin, stop = portion(frame, width)
        for block in range(frame.blocks):
            x = at_element(frame, d.x, block * groups * positions * x_pitch)
            y = at_element(frame, d.y, block * groups * y_pitch)
            for group in range(groups):
                for i in range(begin, stop):
                    total[i] = 0.0
                for p in range(group * positions, (group + 1) * positions):
                    for vector in range(vectors):
                        first = p * x_pitch + vector * width
                        if terms == PLAIN:
                            for i in range(begin, stop):
                                total[i] += x[first + i]
                        elif terms == ABSOLUTE:
                            for i in range(begin, stop):
                                total[i] += abs(x[first + i])
                        else:
                            for i in range(begin, stop):
                                value = np.float64(x[first + i])
                                total[i] += value * value
                for i in range(begin, stop):
                    y[group * y_pitch + i] = real(total[i] * factor)

    return reduce


@family("reduce", "Reduction", when=lambda it: it.bottoms[0].axis(it.params.axis) > 0, schedules=BOTH)
def lower_reduction(lowering: Lowering) -> Lowered:
    """Sum what an image has, or the positions of its last axes, and multiply."""
    params, bottom, top = lowering.params, lowering.bottom(), lowering.top()
    if lowering.bottoms[0].axis(params.axis) == 1:
        groups, vectors, width = 1, bottom.channels, bottom.images
    else:
        groups, vectors, width = top.positions, 1, bottom.position_elements
    positions = bottom.positions // groups
    words = lowering.words(
        Reduce,
        total=width,
        groups=groups,
        positions=positions,
        vectors=vectors,
        width=width,
        terms=_TERMS[params.operation],
        factor=params.coeff / (positions * vectors if params.operation == "MEAN" else 1),
    )
    return Lowered([lowering.step("reduce", _reduce, words, serves_both=True)])
