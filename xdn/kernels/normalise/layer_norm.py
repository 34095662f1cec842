"""LayerNorm: mean and variance over the positions of a group, or over a whole image.

The sums are a vector: of all that a position has where channels have sums of their own, of the images of a block (one
in the channel schedule) where the channels are summed, too. Threads share its elements. A position has vectors of that
width, one or as many as channels::

    for group in groups:
        mean[i]  = sum of x[..][i] / count                                            sums in f64
        y[..][i] = x[..][i] - mean[i]
        y[..][i] = y[..][i] / sqrt(sum of y[..][i] ** 2 / count + eps) * scale[..] + bias[..]
"""

import math

import numpy as np

from xdn.codegen.intrinsics import at, at_element
from xdn.codegen.source import KernelBody
from xdn.element import F64, real
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Scratch, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase

#: Cycles of a vector: it is summed twice in f64, which has two vectors of it, and written twice.
_CYCLES = 12.0


class LayerNorm(Descriptor):
    """Groups of positions with `vectors` of `width` elements, `y_pitch` from one position to the next.

    scale, bias
        A factor and a summand for each vector of a group.
    """

    x, y, total, deviation = Place(), Place(), Scratch(F64), Scratch()
    scale, bias, eps = Pointer(), Pointer(), Number(F64)
    groups, positions, vectors, width, y_pitch = (Size() for _ in range(5))


def _layer_norm() -> KernelBody:
    def layer_norm(d, frame):
        positions, vectors, width, pitch = d.positions, d.vectors, d.width, d.y_pitch
        scale, bias, eps, count = d.scale, d.bias, d.eps, positions * vectors
        total, deviation = at(frame, d.total), at(frame, d.deviation)
        begin, stop = portion(frame, width)
        for group in range(frame.blocks * d.groups):
            x = at_element(frame, d.x, group * positions * pitch)
            y = at_element(frame, d.y, group * positions * pitch)
            for i in range(begin, stop):
                total[i] = 0.0
            for p in range(positions):
                for v in range(vectors):
                    for i in range(begin, stop):
                        total[i] += x[p * pitch + v * width + i]
            for i in range(begin, stop):
                deviation[i] = real(total[i] / count)
                total[i] = 0.0
            for p in range(positions):
                for v in range(vectors):
                    first = p * pitch + v * width
                    for i in range(begin, stop):
                        centred = x[first + i] - deviation[i]
                        y[first + i] = centred
                        total[i] += centred * centred
            for i in range(begin, stop):
                deviation[i] = real(math.sqrt(total[i] / count + eps))
            for p in range(positions):
                for v in range(vectors):
                    first, number = p * pitch + v * width, p * vectors + v
                    factor, summand = scale[number], bias[number]
                    for i in range(begin, stop):
                        y[first + i] = y[first + i] / deviation[i] * factor + summand

    return layer_norm


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    return lowering.moving(_CYCLES)


@family(
    "layer_norm",
    "LayerNorm",
    when=lambda lowering: lowering.bottoms[0].axis(lowering.params.axis) > 0,
    schedules=BOTH,
    phases=_phases,
)
def lower_layer_norm(lowering: Lowering) -> Lowered:
    """Subtract the mean, divide by the deviation, multiply by a factor and add a summand."""
    blob, top, params = lowering.bottoms[0], lowering.top(), lowering.params
    axis = blob.axis(params.axis)
    # Weights lie as the positions of a group do, and of a whole image with its channels last.
    scale, bias = (
        np.moveaxis(lowering.layer.weights[name], 0, -1) if axis == 1 else lowering.layer.weights[name]
        for name in ("scale", "bias")
    )
    groups = math.prod(blob.shape[2:axis]) if axis > 1 else 1
    vectors, width = (top.channels, top.images) if axis == 1 else (1, top.position_elements)
    words = lowering.words(
        LayerNorm,
        total=width,
        deviation=width,
        scale=np.ascontiguousarray(scale, real).ravel(),
        bias=np.ascontiguousarray(bias, real).ravel(),
        eps=params.eps,
        groups=groups,
        positions=top.positions // groups,
        vectors=vectors,
        width=width,
    )
    return Lowered([lowering.step("layer_norm", _layer_norm, words, serves_both=True)])
