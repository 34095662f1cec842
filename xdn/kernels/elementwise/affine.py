"""Per-channel arithmetic: BatchNorm, Scale and Bias as (x - shift[c]) * factor[c] + offset[c]; PReLU.

::

    for position in positions:
        for c in channels:                                 batch schedule: for all images of a block at once
            y[c] = f(x[c], the coefficients of c)
"""

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from xdn.codegen.intrinsics import at, same_place
from xdn.codegen.source import KernelBody, MakeBody
from xdn.element import real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.mathematics import fma, relu
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.broadcast import along_channels
from xdn.layers.mean import Mean


class PerChannel(Descriptor):
    """`positions` of a block, each with `channels` rows of `images` values, or one row of so many channels.

    Of values along positions these are the `channels` of one position, and `images` is all that each has.
    """

    x, y = Place(), Place()
    positions, channels, images = Size(), Size(), Size()
    shift, factor, offset = Pointer(), Pointer(), Pointer()


def _affine_of_images() -> KernelBody:
    def affine(d, frame):
        x, y, in_place = at(frame, d.x), at(frame, d.y), same_place(d.x, d.y)
        shift, factor, offset = d.shift, d.factor, d.offset
        # The number of lanes is read, not a constant, so that LLVM vectorises this loop and does not unroll it.
        lanes, channels = d.images, d.channels
        begin, end = portion(frame, channels)
        for position in range(frame.blocks * d.positions):
            for c in range(begin, end):
                first = (position * channels + c) * lanes
                m, a, b = shift[c], factor[c], offset[c]
                if in_place:
                    for i in range(first, first + lanes):
                        y[i] = fma(y[i] - m, a, b)
                else:
                    for i in range(first, first + lanes):
                        y[i] = fma(x[i] - m, a, b)

    return affine


def _affine_of_channels() -> KernelBody:
    def affine(d, frame):
        x, y, in_place = at(frame, d.x), at(frame, d.y), same_place(d.x, d.y)
        shift, factor, offset, channels = d.shift, d.factor, d.offset, d.channels
        begin, end = portion(frame, frame.blocks * d.positions)
        for first in range(begin * channels, end * channels, channels):
            # Two loops, because a compiler vectorises only where the arrays do not overlap.
            if in_place:
                for c in range(channels):
                    y[first + c] = fma(y[first + c] - shift[c], factor[c], offset[c])
            else:
                for c in range(channels):
                    y[first + c] = fma(x[first + c] - shift[c], factor[c], offset[c])

    return affine


def _prelu_of_images() -> KernelBody:
    def prelu(d, frame):
        x, y, in_place = at(frame, d.x), at(frame, d.y), same_place(d.x, d.y)
        slope, lanes, channels = d.factor, d.images, d.channels
        for position in range(frame.blocks * d.positions):
            for c in range(channels):
                first = (position * channels + c) * lanes
                a = slope[c]
                if in_place:
                    for i in range(first, first + lanes):
                        y[i] = relu(y[i], a)
                else:
                    for i in range(first, first + lanes):
                        y[i] = relu(x[i], a)

    return prelu


def _prelu_of_channels() -> KernelBody:
    def prelu(d, frame):
        x, y, in_place = at(frame, d.x), at(frame, d.y), same_place(d.x, d.y)
        slope, channels = d.factor, d.channels
        begin, end = portion(frame, frame.blocks * d.positions)
        for first in range(begin * channels, end * channels, channels):
            # Two loops, because a compiler vectorises only where the arrays do not overlap.
            if in_place:
                for c in range(channels):
                    y[first + c] = relu(y[first + c], slope[c])
            else:
                for c in range(channels):
                    y[first + c] = relu(x[first + c], slope[c])

    return prelu


#: Shift, factor and offset, (C,) each.
Terms = tuple[Array, Array, Array]
#: Cycles of a vector.
_CYCLES = 5.0
#: Of the batch schedule and of the channel schedule.
AFFINE, PRELU = (_affine_of_images, _affine_of_channels), (_prelu_of_images, _prelu_of_channels)


def _lower(lowering: Lowering, op: str, bodies: tuple[MakeBody, MakeBody], **coefficients: Array) -> Lowered:
    layout, batch = lowering.top(), lowering.schedule is BATCH
    channels = layout.channels if batch else layout.position_elements
    kept = {name: aligned_vectors(array, channels) for name, array in coefficients.items()}
    words = lowering.words(PerChannel, channels=channels, **kept)
    in_place = {lowering.layer.tops[0]: lowering.layer.bottoms[0]}
    return Lowered([lowering.step(op, bodies[0 if batch else 1], words)], in_place=in_place)


def _lower_affine(lowering: Lowering) -> Lowered:
    shift, factor, offset = affine_terms(lowering)
    return _lower(lowering, "affine", AFFINE, shift=shift, factor=factor, offset=offset)


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    return lowering.moving(_CYCLES)


def _keeps_statistics(lowering: Lowering) -> bool:
    """Return whether a BatchNorm normalises by what training left."""
    return not lowering.params.batch_statistics


def _one_value_per_channel(lowering: Lowering) -> bool:
    """Return whether a Scale or Bias has one learned coefficient a channel."""
    params = lowering.params
    return along_channels(lowering.bottoms, params.axis, params.num_axes)


def _batch_norm_terms(lowering: Lowering) -> Terms:
    params, weights = lowering.params, lowering.layer.weights
    mean, variance = params.statistics(weights)
    factor = 1 / np.sqrt(variance + params.eps)
    return mean, factor * weights.get("scale", 1), weights.get("bias", np.zeros_like(mean))


def _bn_terms(lowering: Lowering) -> Terms:
    return cast(Terms, lowering.params.terms(lowering.layer.weights))


def _scale_terms(lowering: Lowering) -> Terms:
    factor = lowering.layer.weights["scale"]
    zeros = np.zeros_like(factor)
    return zeros, factor, lowering.layer.weights.get("bias", zeros)


def _bias_terms(lowering: Lowering) -> Terms:
    offset = lowering.layer.weights["bias"]
    return np.zeros_like(offset), np.ones_like(offset), offset


#: Layer type -> the condition on which it is such arithmetic, and its terms.
AFFINE_TYPES: Mapping[str, tuple[Callable[[Lowering], bool], Callable[[Lowering], Terms]]] = {
    "BatchNorm": (_keeps_statistics, _batch_norm_terms),
    "BN": (_keeps_statistics, _bn_terms),
    "Scale": (_one_value_per_channel, _scale_terms),
    "Bias": (_one_value_per_channel, _bias_terms),
}


def is_affine(lowering: Lowering) -> bool:
    """Return whether a layer of `AFFINE_TYPES` is such arithmetic."""
    return AFFINE_TYPES[lowering.layer.type][0](lowering)


def affine_terms(lowering: Lowering) -> Terms:
    """Return the (C,) shift, factor and offset of a layer that is."""
    return AFFINE_TYPES[lowering.layer.type][1](lowering)


@family("batch_norm", "BatchNorm", when=is_affine, schedules=BOTH, phases=_phases)
def lower_batch_norm(lowering: Lowering) -> Lowered:
    """Subtract the mean, divide by the deviation of the statistics that training left."""
    return _lower_affine(lowering)


@family("bn", "BN", when=is_affine, schedules=BOTH, phases=_phases)
def lower_bn(lowering: Lowering) -> Lowered:
    """Normalise, then scale and shift; or scale and shift alone."""
    return _lower_affine(lowering)


@family("scale", "Scale", when=is_affine, schedules=BOTH, phases=_phases)
def lower_scale(lowering: Lowering) -> Lowered:
    """Multiply by one factor a channel, and add one offset where there is a bias."""
    return _lower_affine(lowering)


@family("bias", "Bias", when=is_affine, schedules=BOTH, phases=_phases)
def lower_bias(lowering: Lowering) -> Lowered:
    """Add one offset a channel."""
    return _lower_affine(lowering)


def _mean_terms(lowering: Lowering) -> Terms | None:
    """Return what takes a mean off, None where it is one of each position."""
    params, channels = lowering.params, lowering.top().channels
    zeros, ones = np.zeros(channels, real), np.ones(channels, real)
    if isinstance(params, Mean):
        return (zeros, *params.terms(channels))
    mean = params.channel_mean(channels, lowering.layer.weights)
    return None if mean is None else (mean, ones, zeros)


@family(
    "mean",
    *("Mean", "DataAugmentation"),
    when=lambda lowering: _mean_terms(lowering) is not None,
    schedules=BOTH,
    phases=_phases,
)
def lower_mean(lowering: Lowering) -> Lowered:
    """Take a mean of each channel off, or add it."""
    shift, factor, offset = cast(Terms, _mean_terms(lowering))
    return _lower(lowering, "affine", AFFINE, shift=shift, factor=factor, offset=offset)


@family("prelu", "PReLU", schedules=BOTH, phases=_phases)
def lower_prelu(lowering: Lowering) -> Lowered:
    """Keep positive values, multiply the others by the channel's slope."""
    slope = np.broadcast_to(lowering.layer.weights["slope"], lowering.top().channels)
    return _lower(lowering, "prelu", PRELU, factor=slope)
