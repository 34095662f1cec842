"""Normalization by sums over positions: MVN by channel or by image, LayerNorm, Normalize by image.

The sums are a vector: of all that a position has where channels have sums of their own, of the images of a block (one
in the channel schedule) where images have. Threads share its elements, so that each has sums of its own. A position
has vectors of that width, one or as many as channels::

    for group in groups:                                            MVN: one, all positions; sums in f64
        mean[i]   = sum of x[..][i] / count
        y[..][i]  = x[..][i] - mean[i]
        y[..][i] /= sqrt(sum of y[..][i] ** 2 / count + within) + eps
        y[..][i]  = y[..][i] * scale[..] + bias[..]                 LayerNorm

    total[i]  = sum of x[..][i] ** 2 + eps                          Normalize: sums in f64
    y[..][i]  = x[..][i] / sqrt(total[i]) * scale
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


class Standard(Descriptor):
    """Groups of positions with `vectors` of `width` elements, `y_pitch` from one position to the next.

    within, eps, divides
        What is added to the variance, and to the deviation, and whether it divides by that.
    scale, bias, learned
        A factor and a summand for each vector of a group, and whether there are any.
    """

    x, y, total, deviation = Place(), Place(), Scratch(F64), Scratch()
    groups, positions, vectors, width, y_pitch, divides, learned = (Size() for _ in range(7))
    within, eps, scale, bias = Number(F64), Number(), Pointer(), Pointer()


class Euclidean(Descriptor):
    """Positions as those of `Standard`; factors of the vectors, then eps."""

    x, y, total, constants = Place(), Place(), Scratch(F64), Pointer()
    positions, vectors, width, y_pitch = (Size() for _ in range(4))


def standardize() -> KernelBody:
    """Return the loops of MVN and LayerNorm."""

    def standardize(d, frame):
        positions, vectors, width, pitch, divides = d.positions, d.vectors, d.width, d.y_pitch, d.divides
        within, eps, scale, bias, learned = d.within, d.eps, d.scale, d.bias, d.learned
        count, total, deviation = positions * vectors, at(frame, d.total), at(frame, d.deviation)
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
            if divides:
                for i in range(begin, stop):
                    deviation[i] = real(math.sqrt(total[i] / count + within)) + eps
                for p in range(positions):
                    for v in range(vectors):
                        first, number = p * pitch + v * width, p * vectors + v
                        for i in range(begin, stop):
                            y[first + i] /= deviation[i]
                        if learned:
                            factor, summand = scale[number], bias[number]
                            for i in range(begin, stop):
                                y[first + i] = y[first + i] * factor + summand

    return standardize


def _normalize() -> KernelBody:
    def normalize(d, frame):
        positions, vectors, width, pitch = d.positions, d.vectors, d.width, d.y_pitch
        constants, total = d.constants, at(frame, d.total)
        begin, stop = portion(frame, width)
        for block in range(frame.blocks):
            x = at_element(frame, d.x, block * positions * pitch)
            y = at_element(frame, d.y, block * positions * pitch)
            for i in range(begin, stop):
                total[i] = constants[vectors]
            for p in range(positions):
                for v in range(vectors):
                    first = p * pitch + v * width
                    for i in range(begin, stop):
                        total[i] += x[first + i] * x[first + i]
            for p in range(positions):
                for v in range(vectors):
                    first = p * pitch + v * width
                    for i in range(begin, stop):
                        y[first + i] = x[first + i] / real(math.sqrt(total[i])) * constants[v]

    return normalize


def by_image(lowering: Lowering) -> tuple[int, int]:
    """Return the vectors of a position whose elements are images."""
    return lowering.top().channels, lowering.top().images


@family("mvn", "MVN", schedules=BOTH)
def lower_mvn(lowering: Lowering) -> Lowered:
    """Subtract the mean of each channel or image, and divide by its deviation."""
    params = lowering.params
    vectors, width = by_image(lowering) if params.across_channels else (1, lowering.top().position_elements)
    within, eps = params.added
    words = lowering.words(
        Standard,
        total=width,
        deviation=width,
        groups=1,
        vectors=vectors,
        width=width,
        divides=params.normalize_variance,
        within=real(within),
        eps=eps,
    )
    return Lowered([lowering.step("standardize", standardize, words, serves_both=True)])


def _euclidean_image(lowering: Lowering) -> bool:
    """Return whether the norm is that of an image, the root of a sum of squares."""
    return bool(lowering.params.across_spatial and lowering.params.norm == "L2")


@family("normalize_image", "Normalize", when=_euclidean_image, schedules=BOTH)
def lower_normalize(lowering: Lowering) -> Lowered:
    """Divide by the norm of the image, and multiply by a factor."""
    layer, (vectors, width) = lowering.layer, by_image(lowering)
    factors = np.broadcast_to(layer.weights.get("scale", real(1)), vectors)
    constants = np.append(factors, lowering.params.eps).astype(real)
    words = lowering.words(Euclidean, total=width, vectors=vectors, width=width, constants=constants)
    return Lowered([lowering.step("normalize_image", _normalize, words, serves_both=True)])
