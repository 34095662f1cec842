"""What looks over the channels of each position: Normalize by their norm, ArgMax for the largest.

::

    for position in positions:
        for c in channels:                                 batch schedule: for all images of a block at once
            total       += x[c] ** 2                       Normalize
            best, found  = (x[c], c) if x[c] >= best       ArgMax: of equal ones the last

Each schedule has a loop of its own: images are lanes that need memory for their sums, one image's sum is a register.
"""

import math
from typing import Any

import numpy as np

from xdn.codegen.intrinsics import at, at_element
from xdn.codegen.source import KernelBody, MakeBody
from xdn.element import real
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Scratch, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.portion import portion


class OverChannels(Descriptor):
    """Positions and their channels; elements from one position to the next; images of a block.

    found
        Memory for one number an image of a block, which only the batch schedule needs.
    constants
        Of Normalize: factors of the channels, then eps.
    values
        Of ArgMax: whether the largest value is asked for, not its channel.
    """

    x, y, found = Place(), Place(), Scratch()
    positions, channels, x_pitch, y_pitch, images, values = (Size() for _ in range(6))
    constants = Pointer()


def _normalize_images() -> KernelBody:
    def normalize(d, frame):
        channels, images, constants, sums = d.channels, d.images, d.constants, at(frame, d.found)
        for p in range(frame.blocks * d.positions):
            x, y = at_element(frame, d.x, p * d.x_pitch), at_element(frame, d.y, p * d.y_pitch)
            for i in range(images):
                sums[i] = real(0)
            for c in range(channels):
                for i in range(images):
                    sums[i] += x[c * images + i] * x[c * images + i]
            for i in range(images):
                sums[i] = math.sqrt(sums[i] + constants[channels])
            for c in range(channels):
                factor = constants[c]
                for i in range(images):
                    y[c * images + i] = x[c * images + i] / sums[i] * factor

    return normalize


def _normalize_channels() -> KernelBody:
    def normalize(d, frame):
        channels, constants = d.channels, d.constants
        begin, stop = portion(frame, frame.blocks * d.positions)
        for p in range(begin, stop):
            x, y = at_element(frame, d.x, p * d.x_pitch), at_element(frame, d.y, p * d.y_pitch)
            total = real(0)
            for c in range(channels):
                total += x[c] * x[c]
            norm = real(math.sqrt(total + constants[channels]))
            for c in range(channels):
                y[c] = x[c] / norm * constants[c]

    return normalize


def _largest_of_images() -> KernelBody:
    def largest(d, frame):
        channels, images, values, best = d.channels, d.images, d.values, at(frame, d.found)
        for p in range(frame.blocks * d.positions):
            x, y = at_element(frame, d.x, p * d.x_pitch), at_element(frame, d.y, p * d.y_pitch)
            for i in range(images):
                best[i], y[i] = real(-np.inf), real(channels - 1)
            for c in range(channels):
                for i in range(images):
                    value = x[c * images + i]
                    larger = value >= best[i]
                    best[i] = value if larger else best[i]
                    y[i] = real(c) if larger else y[i]
            if values:
                for i in range(images):
                    y[i] = best[i]

    return largest


def _largest_of_channels() -> KernelBody:
    def largest(d, frame):
        channels, values = d.channels, d.values
        begin, stop = portion(frame, frame.blocks * d.positions)
        for p in range(begin, stop):
            x, y = at_element(frame, d.x, p * d.x_pitch), at_element(frame, d.y, p * d.y_pitch)
            best, found = real(-np.inf), channels - 1
            for c in range(channels):
                if x[c] >= best:
                    best, found = x[c], c
            y[0] = best if values else real(found)

    return largest


#: Of the batch schedule and of the channel schedule.
Bodies = tuple[MakeBody, MakeBody]


def _lower(lowering: Lowering, op: str, bodies: Bodies, **own: Any) -> Lowered:
    """Return the step with the body of the schedule, and what else it is told."""
    batch = lowering.schedule is BATCH
    words = lowering.words(OverChannels, found=lowering.bottom().images if batch else 0, **own)
    return Lowered([lowering.step(op, bodies[0 if batch else 1], words)])


def _euclidean_position(lowering: Lowering) -> bool:
    """Return whether the norm is that of a position's channels, the root of a sum of squares."""
    return not lowering.params.across_spatial and lowering.params.norm == "L2"


@family("normalize", "Normalize", when=_euclidean_position, schedules=BOTH)
def lower_normalize(lowering: Lowering) -> Lowered:
    """Divide by the norm of a position's channels, and multiply by a factor."""
    layer, channels = lowering.layer, lowering.bottom().channels
    factors = np.broadcast_to(layer.weights.get("scale", real(1)), channels)
    constants = np.append(factors, real(lowering.params.eps)).astype(real)
    return _lower(lowering, "normalize", (_normalize_images, _normalize_channels), constants=constants)


def _largest_channel(lowering: Lowering) -> bool:
    """Return whether one channel of each position is asked for; of an image of one position that is the whole image."""
    params, bottom = lowering.params, lowering.bottoms[0]
    if params.axis is None:
        return params.top_k == 1 and lowering.bottom().positions == 1 and not params.out_max_val
    return params.top_k == 1 and bottom.axis(params.axis) == 1


@family("argmax", "ArgMax", when=_largest_channel, schedules=BOTH)
def lower_argmax(lowering: Lowering) -> Lowered:
    """Find the channel with the largest value of each position, or that value."""
    values = lowering.params.out_max_val
    return _lower(lowering, "largest_channel", (_largest_of_images, _largest_of_channels), values=values)
