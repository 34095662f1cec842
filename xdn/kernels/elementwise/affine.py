"""Per-channel arithmetic: BatchNorm, Scale and Bias as (x - m[c]) * a[c] + b[c]; PReLU."""

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.graph.layer import Array
from xdn.kernels.core.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, B
from xdn.kernels.core.mathematics import fma, relu
from xdn.layers.broadcast import along_channels

X, Y, POSITIONS, CHANNELS, SHIFT, FACTOR, OFFSET, LANES = range(8)


def _affine():
    def affine(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        shift, factor, offset = f32_at(desc[SHIFT]), f32_at(desc[FACTOR]), f32_at(desc[OFFSET])
        # The number of lanes is read, not a constant, so that LLVM vectorises this loop and does not unroll it.
        lanes, in_place = desc[LANES], desc[X] == desc[Y]
        for position in range(frame[BLOCKS] * desc[POSITIONS]):
            for c in range(desc[CHANNELS]):
                at = (position * desc[CHANNELS] + c) * lanes
                m, a, b = shift[c], factor[c], offset[c]
                if in_place:
                    for i in range(at, at + lanes):
                        y[i] = fma(y[i] - m, a, b)
                else:
                    for i in range(at, at + lanes):
                        y[i] = fma(x[i] - m, a, b)

    return affine


def _prelu():
    def prelu(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        slope = f32_at(desc[FACTOR])
        lanes, in_place = desc[LANES], desc[X] == desc[Y]
        for position in range(frame[BLOCKS] * desc[POSITIONS]):
            for c in range(desc[CHANNELS]):
                at = (position * desc[CHANNELS] + c) * lanes
                a = slope[c]
                if in_place:
                    for i in range(at, at + lanes):
                        y[i] = relu(y[i], a)
                else:
                    for i in range(at, at + lanes):
                        y[i] = relu(x[i], a)

    return prelu


def _lower(lowering: Lowering, op: str, make: KernelBody, coefficients: dict[int, Array]) -> Lowered:
    layer, layout = lowering.layer, lowering.top()
    kept = {slot: np.ascontiguousarray(array, np.float32) for slot, array in coefficients.items()}
    sizes = {POSITIONS: layout.positions, CHANNELS: layout.channels, LANES: B}
    descriptor = words(8, sizes | {slot: address(array) for slot, array in kept.items()})
    source = KernelSource(KernelName(op, lowering.target.name), make)
    step = Step(source, descriptor, {X: layer.bottoms[0], Y: layer.tops[0]}, tuple(kept.values()))
    return Lowered([step], in_place={layer.tops[0]: layer.bottoms[0]})


#: What `affine` takes: m, a and b of (x - m) * a + b, each (C,).
Terms = tuple[Array, Array, Array]


def _lower_affine(lowering: Lowering, terms: Terms) -> Lowered:
    return _lower(lowering, "affine", _affine, dict(zip((SHIFT, FACTOR, OFFSET), terms, strict=True)))


def batch_norm_terms(lowering: Lowering) -> Terms:
    """Return what a BatchNorm does with the statistics that training left."""
    params, weights = lowering.layer.params, lowering.layer.weights
    mean, variance = params.statistics(weights)
    factor = 1 / np.sqrt(variance + params.eps)
    return mean, factor * weights.get("scale", 1), weights.get("bias", np.zeros_like(mean))


def scale_terms(lowering: Lowering) -> Terms:
    """Return what a Scale does."""
    factor = lowering.layer.weights["scale"]
    return np.zeros_like(factor), factor, lowering.layer.weights.get("bias", np.zeros_like(factor))


def bias_terms(lowering: Lowering) -> Terms:
    """Return what a Bias does."""
    offset = lowering.layer.weights["bias"]
    return np.zeros_like(offset), np.ones_like(offset), offset


def keeps_statistics(lowering: Lowering) -> bool:
    """Return whether a BatchNorm normalises by what training left."""
    return not lowering.layer.params.batch_statistics


def one_value_per_channel(lowering: Lowering) -> bool:
    """Return whether a Scale or Bias has one learned coefficient a channel."""
    params = lowering.layer.params
    return along_channels(lowering.bottoms, params.axis, params.num_axes)


@family("batch_norm", "BatchNorm", when=keeps_statistics)
def lower_batch_norm(lowering: Lowering) -> Lowered:
    """Subtract the mean, divide by the deviation of the statistics that training left."""
    return _lower_affine(lowering, batch_norm_terms(lowering))


@family("bn", "BN", when=keeps_statistics)
def lower_bn(lowering: Lowering) -> Lowered:
    """Normalise, then scale and shift; or scale and shift alone."""
    return _lower_affine(lowering, lowering.layer.params.terms(lowering.layer.weights))


@family("scale", "Scale", when=one_value_per_channel)
def lower_scale(lowering: Lowering) -> Lowered:
    """Multiply by one factor a channel, and add one offset where there is a bias."""
    return _lower_affine(lowering, scale_terms(lowering))


@family("bias", "Bias", when=one_value_per_channel)
def lower_bias(lowering: Lowering) -> Lowered:
    """Add one offset a channel."""
    return _lower_affine(lowering, bias_terms(lowering))


@family("prelu", "PReLU")
def lower_prelu(lowering: Lowering) -> Lowered:
    """Keep positive values, multiply the others by the channel's slope."""
    slope = np.broadcast_to(lowering.layer.weights["slope"], lowering.top().channels)
    return _lower(lowering, "prelu", _prelu, {FACTOR: slope})
