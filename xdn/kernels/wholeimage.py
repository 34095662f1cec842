"""Sums over all that an image has: Reduction, MVN across the channels, Normalize across the positions.

Images of a block are lanes, one in the channel schedule; threads share the lanes, so that each has sums of its own::

    total[i]  = sum over positions and channels of f(x[..][i])      Reduction, Normalize
    y[i]      = total[i] * factor                                   Reduction
    y[..][i]  = x[..][i] / sqrt(total[i] + eps) * scale             Normalize

    mean[i]   = sum of x[..][i] / count                             MVN: sums in f64
    y[..][i]  = x[..][i] - mean[i]
    y[..][i] /= sqrt(sum of y[..][i] ** 2 / count) + eps
"""

import math

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, f64_at
from xdn.codegen.names import KernelName
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.share import share

#: X_PLACE, Y_PLACE: values from one position to the next. OWN: what the layer adds to the words.
X, Y, TOTAL, CONSTANTS, POSITIONS, CHANNELS, LANES, X_PLACE, Y_PLACE, OWN = range(10)
WORD_COUNT = 10
#: What Reduction sums, as OWN says it.
TERMS = {"SUM": 0, "MEAN": 0, "ASUM": 1, "SUMSQ": 2}


def _reduce():
    def reduce(desc, frame):
        positions, channels, lanes, place = desc[POSITIONS], desc[CHANNELS], desc[LANES], desc[X_PLACE]
        factor, terms = f64_at(desc[CONSTANTS])[0], desc[OWN]
        total = f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = share(frame, lanes)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * place * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * desc[Y_PLACE] * 4)
            for i in range(begin, stop):
                total[i] = 0.0
            for p in range(positions):
                for c in range(channels):
                    at = p * place + c * lanes
                    if terms == 0:
                        for i in range(begin, stop):
                            total[i] += x[at + i]
                    elif terms == 1:
                        for i in range(begin, stop):
                            total[i] += abs(x[at + i])
                    else:
                        for i in range(begin, stop):
                            value = np.float64(x[at + i])
                            total[i] += value * value
            for i in range(begin, stop):
                y[i] = np.float32(total[i] * factor)

    return reduce


def _mvn():
    def mvn(desc, frame):
        positions, channels, lanes, place = desc[POSITIONS], desc[CHANNELS], desc[LANES], desc[X_PLACE]
        eps, count = f32_at(desc[CONSTANTS])[0], positions * channels
        total = f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = share(frame, lanes)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * place * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * place * 4)
            for i in range(begin, stop):
                total[i] = 0.0
            for p in range(positions):
                for c in range(channels):
                    for i in range(begin, stop):
                        total[i] += x[p * place + c * lanes + i]
            for p in range(positions):
                for c in range(channels):
                    at = p * place + c * lanes
                    for i in range(begin, stop):
                        y[at + i] = x[at + i] - np.float32(total[i] / count)
            if desc[OWN]:
                for i in range(begin, stop):
                    total[i] = 0.0
                for p in range(positions):
                    for c in range(channels):
                        at = p * place + c * lanes
                        for i in range(begin, stop):
                            total[i] += y[at + i] * y[at + i]
                for p in range(positions):
                    for c in range(channels):
                        at = p * place + c * lanes
                        for i in range(begin, stop):
                            y[at + i] /= np.float32(math.sqrt(total[i] / count)) + eps

    return mvn


def _normalize():
    def normalize(desc, frame):
        positions, channels, lanes, place = desc[POSITIONS], desc[CHANNELS], desc[LANES], desc[X_PLACE]
        constants = f32_at(desc[CONSTANTS])
        total = f64_at(frame[ARENA] + desc[TOTAL])
        begin, stop = share(frame, lanes)
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * positions * place * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * positions * place * 4)
            for i in range(begin, stop):
                total[i] = constants[channels]
            for p in range(positions):
                for c in range(channels):
                    at = p * place + c * lanes
                    for i in range(begin, stop):
                        total[i] += x[at + i] * x[at + i]
            for p in range(positions):
                for c in range(channels):
                    at = p * place + c * lanes
                    for i in range(begin, stop):
                        y[at + i] = x[at + i] / np.float32(math.sqrt(total[i])) * constants[c]

    return normalize


def _lower(lowering: Lowering, op: str, body: KernelBody, constants: np.ndarray, own: int = 0) -> Lowered:
    """Return the step of a body with its constants, and the word `own`."""
    layer, bottom, lanes = lowering.layer, lowering.bottom(), lowering.schedule.images
    sizes = {
        CONSTANTS: address(constants),
        POSITIONS: bottom.positions,
        CHANNELS: bottom.channels,
        LANES: lanes,
        X_PLACE: bottom.position_elements,
        Y_PLACE: lowering.top().position_elements,
        OWN: own,
    }
    source = KernelSource(KernelName(op, lowering.isa.name), body)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]}
    return Lowered([Step(source, words(WORD_COUNT, sizes), blobs, (constants,), scratch={TOTAL: lanes * 8})])


@family(
    "reduce_image",
    "Reduction",
    when=lambda lowering: lowering.bottoms[0].axis(lowering.layer.params.axis) == 1,
    schedules=BOTH,
)
def lower_reduction(lowering: Lowering) -> Lowered:
    """Sum all that an image has, and multiply."""
    params, bottom = lowering.layer.params, lowering.bottom()
    count = bottom.positions * bottom.channels if params.operation == "MEAN" else 1
    return _lower(lowering, "reduce_image", _reduce, np.array([params.coeff / count]), TERMS[params.operation])


@family("mvn_image", "MVN", when=lambda lowering: lowering.layer.params.across_channels, schedules=BOTH)
def lower_mvn(lowering: Lowering) -> Lowered:
    """Subtract each image's mean, and divide by its deviation."""
    params = lowering.layer.params
    return _lower(lowering, "mvn_image", _mvn, np.array([params.eps], np.float32), int(params.normalize_variance))


@family("normalize_image", "Normalize", when=lambda lowering: lowering.layer.params.across_spatial, schedules=BOTH)
def lower_normalize(lowering: Lowering) -> Lowered:
    """Divide by the norm of the image, and multiply by a factor."""
    layer, channels = lowering.layer, lowering.bottom().channels
    factors = np.broadcast_to(layer.weights["scale"], channels)
    return _lower(
        lowering, "normalize_image", _normalize, np.append(factors, np.float32(layer.params.eps)).astype(np.float32)
    )
