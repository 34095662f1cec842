"""What looks over the channels of each position: Normalize by their norm, ArgMax for the largest.

::

    for position in positions:
        for c in channels:                                 batch schedule: for all images of a block at once
            total       += x[c] ** 2                       Normalize
            best, found  = (x[c], c) if x[c] >= best       ArgMax: of equal ones the last

Each schedule has a loop of its own: images are lanes that need memory for their sums, one image's sum is a register.
"""

import math

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BATCH, BLOCKS, BOTH, B
from xdn.kernels.core.portion import portion

#: SUMS: memory for one f32 an image of a block, which only the batch schedule needs.
X, Y, SUMS, POSITIONS, CHANNELS, X_ROW, Y_ROW, CONSTANTS, VALUES, LANES = range(10)


def _normalize_images():
    def normalize(desc, frame):
        channels, lanes, constants = desc[CHANNELS], desc[LANES], f32_at(desc[CONSTANTS])
        sums = f32_at(frame[ARENA] + desc[SUMS])
        for p in range(frame[BLOCKS] * desc[POSITIONS]):
            x = f32_at(frame[ARENA] + desc[X] + p * desc[X_ROW] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + p * desc[Y_ROW] * 4)
            for i in range(lanes):
                sums[i] = np.float32(0)
            for c in range(channels):
                for i in range(lanes):
                    sums[i] += x[c * lanes + i] * x[c * lanes + i]
            for i in range(lanes):
                sums[i] = math.sqrt(sums[i] + constants[channels])
            for c in range(channels):
                factor = constants[c]
                for i in range(lanes):
                    y[c * lanes + i] = x[c * lanes + i] / sums[i] * factor

    return normalize


def _normalize_channels():
    def normalize(desc, frame):
        channels, constants = desc[CHANNELS], f32_at(desc[CONSTANTS])
        begin, stop = portion(frame, frame[BLOCKS] * desc[POSITIONS])
        for p in range(begin, stop):
            x = f32_at(frame[ARENA] + desc[X] + p * desc[X_ROW] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + p * desc[Y_ROW] * 4)
            total = np.float32(0)
            for c in range(channels):
                total += x[c] * x[c]
            norm = np.float32(math.sqrt(total + constants[channels]))
            for c in range(channels):
                y[c] = x[c] / norm * constants[c]

    return normalize


def _largest_of_images():
    def largest(desc, frame):
        channels, lanes, values = desc[CHANNELS], desc[LANES], desc[VALUES]
        best = f32_at(frame[ARENA] + desc[SUMS])
        for p in range(frame[BLOCKS] * desc[POSITIONS]):
            x = f32_at(frame[ARENA] + desc[X] + p * desc[X_ROW] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + p * desc[Y_ROW] * 4)
            for i in range(lanes):
                best[i], y[i] = np.float32(-np.inf), np.float32(channels - 1)
            for c in range(channels):
                for i in range(lanes):
                    value = x[c * lanes + i]
                    larger = value >= best[i]
                    best[i] = value if larger else best[i]
                    y[i] = np.float32(c) if larger else y[i]
            if values:
                for i in range(lanes):
                    y[i] = best[i]

    return largest


def _largest_of_channels():
    def largest(desc, frame):
        channels, values = desc[CHANNELS], desc[VALUES]
        begin, stop = portion(frame, frame[BLOCKS] * desc[POSITIONS])
        for p in range(begin, stop):
            x = f32_at(frame[ARENA] + desc[X] + p * desc[X_ROW] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + p * desc[Y_ROW] * 4)
            best, found = np.float32(-np.inf), channels - 1
            for c in range(channels):
                if x[c] >= best:
                    best, found = x[c], c
            y[0] = best if values else np.float32(found)

    return largest


#: Of the batch schedule and of the channel schedule.
Bodies = tuple[KernelBody, KernelBody]


def _lower(lowering: Lowering, op: str, bodies: Bodies, own: dict[int, int], keep: tuple[np.ndarray, ...]) -> Lowered:
    """Return the step with the body of the schedule, the descriptor's `own` words, and what these point to."""
    layer, bottom, schedule = lowering.layer, lowering.bottom(), lowering.schedule
    batch = schedule is BATCH
    sizes = {
        POSITIONS: bottom.positions,
        CHANNELS: bottom.channels,
        X_ROW: bottom.position_elements,
        Y_ROW: lowering.top().position_elements,
        LANES: B,
    }
    source = KernelSource(KernelName(schedule.op(op), lowering.target.name), bodies[0 if batch else 1])
    scratch = {SUMS: B * 4} if batch else {}
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]}
    return Lowered([Step(source, words(10, sizes | own), blobs, keep, scratch=scratch)])


def _euclidean_position(lowering: Lowering) -> bool:
    """Return whether the norm is that of a position's channels, the root of a sum of squares."""
    return not lowering.layer.params.across_spatial and lowering.layer.params.norm == "L2"


@family("normalize", "Normalize", when=_euclidean_position, schedules=BOTH)
def lower_normalize(lowering: Lowering) -> Lowered:
    """Divide by the norm of a position's channels, and multiply by a factor."""
    layer, channels = lowering.layer, lowering.bottom().channels
    factors = np.broadcast_to(layer.weights.get("scale", np.float32(1)), channels)
    constants = np.append(factors, np.float32(layer.params.eps)).astype(np.float32)
    own = {CONSTANTS: address(constants)}
    return _lower(lowering, "normalize", (_normalize_images, _normalize_channels), own, (constants,))


def _largest_channel(lowering: Lowering) -> bool:
    """Return whether one channel of each position is asked for; of an image of one position that is the whole image."""
    params, bottom = lowering.layer.params, lowering.bottoms[0]
    if params.axis is None:
        return params.top_k == 1 and lowering.bottom().positions == 1 and not params.out_max_val
    return params.top_k == 1 and bottom.axis(params.axis) == 1


@family("argmax", "ArgMax", when=_largest_channel, schedules=BOTH)
def lower_argmax(lowering: Lowering) -> Lowered:
    """Find the channel with the largest value of each position, or that value."""
    own = {VALUES: int(lowering.layer.params.out_max_val)}
    return _lower(lowering, "largest_channel", (_largest_of_images, _largest_of_channels), own, ())
