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

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, f64_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion

#: A position has VECTORS of WIDTH elements; PLACE: elements from one to the next; DIVIDES: MVN by the deviation, too.
X, Y, TOTAL, CONSTANTS, POSITIONS, VECTORS, WIDTH, PLACE, DIVIDES = range(9)
WORD_COUNT = 9


def _mvn():
    def mvn(desc, frame):
        positions, vectors, width, place = desc[POSITIONS], desc[VECTORS], desc[WIDTH], desc[PLACE]
        eps, count = f32_at(desc[CONSTANTS])[0], positions * vectors
        total = f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = portion(frame, width)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * place * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * place * 4)
            for i in range(begin, stop):
                total[i] = 0.0
            for p in range(positions):
                for v in range(vectors):
                    for i in range(begin, stop):
                        total[i] += x[p * place + v * width + i]
            for p in range(positions):
                for v in range(vectors):
                    at = p * place + v * width
                    for i in range(begin, stop):
                        y[at + i] = x[at + i] - np.float32(total[i] / count)
            if desc[DIVIDES]:
                for i in range(begin, stop):
                    total[i] = 0.0
                for p in range(positions):
                    for v in range(vectors):
                        at = p * place + v * width
                        for i in range(begin, stop):
                            total[i] += y[at + i] * y[at + i]
                for p in range(positions):
                    for v in range(vectors):
                        at = p * place + v * width
                        for i in range(begin, stop):
                            y[at + i] /= np.float32(math.sqrt(total[i] / count)) + eps

    return mvn


def _normalize():
    def normalize(desc, frame):
        positions, vectors, width, place = desc[POSITIONS], desc[VECTORS], desc[WIDTH], desc[PLACE]
        constants = f32_at(desc[CONSTANTS])
        total = f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = portion(frame, width)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * place * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * place * 4)
            for i in range(begin, stop):
                total[i] = constants[vectors]
            for p in range(positions):
                for v in range(vectors):
                    at = p * place + v * width
                    for i in range(begin, stop):
                        total[i] += x[at + i] * x[at + i]
            for p in range(positions):
                for v in range(vectors):
                    at = p * place + v * width
                    for i in range(begin, stop):
                        y[at + i] = x[at + i] / np.float32(math.sqrt(total[i])) * constants[v]

    return normalize


def _lower(
    lowering: Lowering, op: str, body: KernelBody, shape: tuple[int, int], constants: np.ndarray, divides: bool = False
) -> Lowered:
    """Return the step of a body for vectors of (number, width) a position, with its constants."""
    layer, layout = lowering.layer, lowering.top()
    vectors, width = shape
    sizes = {
        CONSTANTS: address(constants),
        POSITIONS: layout.positions,
        VECTORS: vectors,
        WIDTH: width,
        PLACE: layout.position_elements,
        DIVIDES: int(divides),
    }
    source = KernelSource(KernelName(op, lowering.target.name), body)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]}
    return Lowered([Step(source, words(WORD_COUNT, sizes), blobs, (constants,), scratch={TOTAL: width * 8})])


def _by_image(lowering: Lowering) -> tuple[int, int]:
    """Return the vectors of a position whose elements are images."""
    return lowering.top().channels, lowering.top().images


@family("mvn", "MVN", schedules=BOTH)
def lower_mvn(lowering: Lowering) -> Lowered:
    """Subtract the mean of each channel or image, and divide by its deviation."""
    params = lowering.layer.params
    shape = _by_image(lowering) if params.across_channels else (1, lowering.top().position_elements)
    return _lower(lowering, "mvn", _mvn, shape, np.array([params.eps], np.float32), params.normalize_variance)


def _euclidean_image(lowering: Lowering) -> bool:
    """Return whether the norm is that of an image, the root of a sum of squares."""
    return lowering.layer.params.across_spatial and lowering.layer.params.norm == "L2"


@family("normalize_image", "Normalize", when=_euclidean_image, schedules=BOTH)
def lower_normalize(lowering: Lowering) -> Lowered:
    """Divide by the norm of the image, and multiply by a factor."""
    layer, shape = lowering.layer, _by_image(lowering)
    factors = np.broadcast_to(layer.weights.get("scale", np.float32(1)), shape[0])
    constants = np.append(factors, layer.params.eps).astype(np.float32)
    return _lower(lowering, "normalize_image", _normalize, shape, constants)
