"""Per-channel arithmetic on vectors of channels: BatchNorm, Scale, Bias, PReLU."""

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.graph.layer import Array
from xdn.kernels.core.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, CHANNEL, aligned_vectors
from xdn.kernels.core.mathematics import fma, relu
from xdn.kernels.core.portion import portion
from xdn.kernels.elementwise.affine import (
    batch_norm_terms,
    bias_terms,
    keeps_statistics,
    one_value_per_channel,
    scale_terms,
)

X, Y, POSITIONS, PITCH, SHIFT, FACTOR, OFFSET = range(7)


def _affine():
    def affine(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        shift, factor, offset = f32_at(desc[SHIFT]), f32_at(desc[FACTOR]), f32_at(desc[OFFSET])
        pitch, in_place = desc[PITCH], desc[X] == desc[Y]
        first, end = portion(frame, frame[BLOCKS] * desc[POSITIONS])
        for at in range(first * pitch, end * pitch, pitch):
            # Loops apart, because a compiler vectorises only where the arrays do not overlap.
            if in_place:
                for c in range(pitch):
                    y[at + c] = fma(y[at + c] - shift[c], factor[c], offset[c])
            else:
                for c in range(pitch):
                    y[at + c] = fma(x[at + c] - shift[c], factor[c], offset[c])

    return affine


def _prelu():
    def prelu(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        slope = f32_at(desc[FACTOR])
        pitch, in_place = desc[PITCH], desc[X] == desc[Y]
        first, end = portion(frame, frame[BLOCKS] * desc[POSITIONS])
        for at in range(first * pitch, end * pitch, pitch):
            # Loops apart, because a compiler vectorises only where the arrays do not overlap.
            if in_place:
                for c in range(pitch):
                    y[at + c] = relu(y[at + c], slope[c])
            else:
                for c in range(pitch):
                    y[at + c] = relu(x[at + c], slope[c])

    return prelu


def _lower(lowering: Lowering, op: str, make: KernelBody, coefficients: dict[int, Array]) -> Lowered:
    layer, layout = lowering.layer, lowering.top()
    pitch = layout.position_elements
    kept = {slot: aligned_vectors(array, pitch) for slot, array in coefficients.items()}
    sizes = {POSITIONS: layout.positions, PITCH: pitch}
    descriptor = words(7, sizes | {slot: address(array) for slot, array in kept.items()})
    source = KernelSource(KernelName(f"channel_{op}", lowering.target.name), make)
    step = Step(source, descriptor, {X: layer.bottoms[0], Y: layer.tops[0]}, tuple(kept.values()))
    return Lowered([step], in_place={layer.tops[0]: layer.bottoms[0]})


def _lower_affine(lowering: Lowering, terms: tuple[Array, Array, Array]) -> Lowered:
    return _lower(lowering, "affine", _affine, dict(zip((SHIFT, FACTOR, OFFSET), terms, strict=True)))


@family("channel_batch_norm", "BatchNorm", when=keeps_statistics, schedules=(CHANNEL,))
def lower_batch_norm(lowering: Lowering) -> Lowered:
    """Subtract the mean, divide by the deviation of the statistics that training left."""
    return _lower_affine(lowering, batch_norm_terms(lowering))


@family("channel_bn", "BN", when=keeps_statistics, schedules=(CHANNEL,))
def lower_bn(lowering: Lowering) -> Lowered:
    """Normalise, then scale and shift; or scale and shift alone."""
    return _lower_affine(lowering, lowering.layer.params.terms(lowering.layer.weights))


@family("channel_scale", "Scale", when=one_value_per_channel, schedules=(CHANNEL,))
def lower_scale(lowering: Lowering) -> Lowered:
    """Multiply by one factor a channel, and add one offset where there is a bias."""
    return _lower_affine(lowering, scale_terms(lowering))


@family("channel_bias", "Bias", when=one_value_per_channel, schedules=(CHANNEL,))
def lower_bias(lowering: Lowering) -> Lowered:
    """Add one offset a channel."""
    return _lower_affine(lowering, bias_terms(lowering))


@family("channel_prelu", "PReLU", schedules=(CHANNEL,))
def lower_prelu(lowering: Lowering) -> Lowered:
    """Keep positive values, multiply the others by the channel's slope."""
    slope = np.broadcast_to(lowering.layer.weights["slope"], lowering.top().channels)
    return _lower(lowering, "prelu", _prelu, {FACTOR: slope})
