"""Normalization by sums over positions: MVN by channel or by image, Normalize by image.

The sums are a vector: of all that a position has where channels have sums of their own, of the images of a block (one
in the channel schedule) where images have. Threads share its elements, so that each has sums of its own. A position
has vectors of that width, one or as many as channels::

    mean[i]   = sum of x[..][i] / count                             MVN: sums in f64
    y[..][i]  = x[..][i] - mean[i]
    y[..][i] /= sqrt(sum of y[..][i] ** 2 / count) + eps

    total[i]  = sum of x[..][i] ** 2 + eps                          Normalize: sums in f64
    y[..][i]  = x[..][i] / sqrt(total[i]) * scale
"""

import math
from typing import Any

import numpy as np

from xdn.codegen.intrinsics import at, at_element
from xdn.codegen.source import KernelBody, MakeBody
from xdn.element import F64, real
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Pointer, Scratch, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion


class Moments(Descriptor):
    """Positions with `vectors` of `width` elements, `y_pitch` from one position to the next.

    within, eps, divides
        Of MVN: what is added to the variance, and to the deviation, and whether it divides by that.
    constants
        Of Normalize: factors of the vectors, then eps.
    """

    x, y, total = Place(), Place(), Scratch(F64)
    positions, vectors, width, y_pitch, divides = (Size() for _ in range(5))
    within, eps, constants = Number(), Number(), Pointer()


def _mvn() -> KernelBody:
    def mvn(d, frame):
        positions, vectors, width, pitch, divides = d.positions, d.vectors, d.width, d.y_pitch, d.divides
        within, eps, count, total = d.within, d.eps, positions * vectors, at(frame, d.total)
        begin, stop = portion(frame, width)
        for block in range(frame.blocks):
            x = at_element(frame, d.x, block * positions * pitch)
            y = at_element(frame, d.y, block * positions * pitch)
            for i in range(begin, stop):
                total[i] = 0.0
            for p in range(positions):
                for v in range(vectors):
                    for i in range(begin, stop):
                        total[i] += x[p * pitch + v * width + i]
            for p in range(positions):
                for v in range(vectors):
                    first = p * pitch + v * width
                    for i in range(begin, stop):
                        y[first + i] = x[first + i] - real(total[i] / count)
            if divides:
                for i in range(begin, stop):
                    total[i] = 0.0
                for p in range(positions):
                    for v in range(vectors):
                        first = p * pitch + v * width
                        for i in range(begin, stop):
                            total[i] += y[first + i] * y[first + i]
                for p in range(positions):
                    for v in range(vectors):
                        first = p * pitch + v * width
                        for i in range(begin, stop):
                            y[first + i] /= real(math.sqrt(total[i] / count + within)) + eps

    return mvn


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


def _lower(lowering: Lowering, op: str, make: MakeBody, shape: tuple[int, int], **own: Any) -> Lowered:
    """Return the step of a body for vectors of (number, width) a position, and what else it is told."""
    vectors, width = shape
    words = lowering.words(Moments, total=width, vectors=vectors, width=width, **own)
    return Lowered([lowering.step(op, make, words, serves_both=True)])


def _by_image(lowering: Lowering) -> tuple[int, int]:
    """Return the vectors of a position whose elements are images."""
    return lowering.top().channels, lowering.top().images


@family("mvn", "MVN", schedules=BOTH)
def lower_mvn(lowering: Lowering) -> Lowered:
    """Subtract the mean of each channel or image, and divide by its deviation."""
    params = lowering.params
    shape = _by_image(lowering) if params.across_channels else (1, lowering.top().position_elements)
    within, eps = params.added
    return _lower(lowering, "mvn", _mvn, shape, within=within, eps=eps, divides=params.normalize_variance)


def _euclidean_image(lowering: Lowering) -> bool:
    """Return whether the norm is that of an image, the root of a sum of squares."""
    return bool(lowering.params.across_spatial and lowering.params.norm == "L2")


@family("normalize_image", "Normalize", when=_euclidean_image, schedules=BOTH)
def lower_normalize(lowering: Lowering) -> Lowered:
    """Divide by the norm of the image, and multiply by a factor."""
    layer, shape = lowering.layer, _by_image(lowering)
    factors = np.broadcast_to(layer.weights.get("scale", real(1)), shape[0])
    constants = np.append(factors, lowering.params.eps).astype(real)
    return _lower(lowering, "normalize_image", _normalize, shape, constants=constants)
