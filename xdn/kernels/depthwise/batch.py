"""Depthwise convolution: every channel has its own filter, so there is no sum over channels to tile.

For a block of images, an output position and a channel::

    acc[v] = bias[c]                                       v < NV vectors of images
    for tap in taps(position):
        acc[v] += w[tap][c] * x[tap][c][v]
    acc[v] += residual[c][v]                               epilogue "sum"
    acc[v]  = f(acc[v], coefficient[c])                    epilogue "relu", "sigmoid", ...
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.kernels.contract.task import used_elements
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts, store_images
from xdn.kernels.core.family import Lowered, Lowering, Reach, Rows, Step, family, packed_weights, words
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import ARENA, BLOCKS, F32_BYTES, B
from xdn.kernels.core.taps import lists_footprint, tap_lists

#: WEIGHTS: [tap][channel]. COEFFICIENTS: address of the activation's f32 coefficients, one for each channel.
X, Y, RESIDUAL, WEIGHTS, BIAS, POSITIONS, POSITION_COUNT, TAPS, X_BLOCK, Y_BLOCK, CHANNELS, COEFFICIENTS = range(12)
WORD_COUNT = 12


def _row(name: KernelName) -> Callable[..., None]:
    """Return the intrinsic that computes one channel of one position for all images of a block."""
    target = target_named(name.isa)

    @emitted(VOID, F32_POINTER, F32_POINTER, WORDS, I64, I64, I64, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER)
    def row(irbuilder, *args):
        _emit_row(VectorBuilder(irbuilder, target), args, name.epilogue)

    return row


def _emit_row(b: VectorBuilder, args: list[ir.Value], epilogue: tuple[str, ...]) -> None:
    x, weights, taps, first, end, channels, bias, residual, y, at = args
    vectors = B // b.target.lanes

    def one_tap(t, acc):
        row = b.ir.mul(t, b.const(2))
        tap_x = b.offset(x, b.scalar(taps, row))
        index = b.scalar(taps, b.ir.add(row, b.const(1)))
        weight = b.broadcast(b.scalar(weights, b.ir.mul(index, channels)))
        return [b.fma(weight, b.load(tap_x, v), acc[v]) for v in range(vectors)]

    start = [b.broadcast(b.scalar(bias))] * vectors
    acc = b.loop(first, end, start, one_tap)
    store_images(b, [acc], epilogue, residual, y, at)


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the row, as Numba compiles it."""
    row = _row(name)

    def depthwise(desc, frame):
        arena, channels = frame[ARENA], desc[CHANNELS]
        positions, taps = i64_at(desc[POSITIONS]), i64_at(desc[TAPS])
        for block in range(frame[BLOCKS]):
            for p in range(desc[POSITION_COUNT]):
                x_at = block * desc[X_BLOCK] + positions[4 * p]
                y_at = block * desc[Y_BLOCK] + positions[4 * p + 3]
                for c in range(channels):
                    row(
                        f32_at(arena + desc[X] + (x_at + c * B) * F32_BYTES),
                        f32_at(desc[WEIGHTS] + c * F32_BYTES),
                        taps,
                        positions[4 * p + 1],
                        positions[4 * p + 2],
                        channels,
                        f32_at(desc[BIAS] + c * F32_BYTES),
                        f32_at(arena + desc[RESIDUAL] + (y_at + c * B) * F32_BYTES),
                        f32_at(arena + desc[Y] + (y_at + c * B) * F32_BYTES),
                        f32_at(desc[COEFFICIENTS] + c * F32_BYTES),
                    )

    return depthwise


def is_depthwise(lowering: Lowering) -> bool:
    """Return whether every input channel has exactly one filter of its own, and nothing else is summed."""
    channels = lowering.bottom().channels
    return lowering.layer.projection is None and lowering.layer.params.group == channels == lowering.top().channels


def depthwise_footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights and the tables of positions take."""
    window = lowering.layer.params.window_over(lowering.bottoms[0])
    lists = lists_footprint(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    return packed_weights(lowering) + lists


@family("depthwise", "Convolution", when=is_depthwise, rank=1, fuses=True, footprint=depthwise_footprint)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve each channel with its own filter."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    window = layer.params.window_over(lowering.bottoms[0])
    lists = tap_lists(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    filters = used_elements(layer.weights["weight"], lists.used)[:, 0]
    weights = np.ascontiguousarray(filters.T, np.float32)
    bias = np.ascontiguousarray(layer.weights.get("bias", np.zeros(top.channels)), np.float32)
    positions, taps = lists.in_elements(bottom, top)
    slopes = coefficients(layer, top.channels)
    descriptor = {
        WEIGHTS: address(weights),
        BIAS: address(bias),
        POSITIONS: address(positions),
        POSITION_COUNT: len(positions),
        TAPS: address(taps),
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
        CHANNELS: top.channels,
        COEFFICIENTS: address(slopes),
    }
    residual = lowering.residual_at(RESIDUAL)
    blobs = {X: layer.bottoms[0], Y: layer.tops[0]} | residual
    reads = {X: Reach.of(window)} | dict.fromkeys(residual, Reach())
    tables = {POSITIONS: top.width * positions[0].nbytes}
    name = KernelName("depthwise", lowering.target.name, epilogue_parts(layer))
    step = Step(
        KernelSource(name, lambda: _body(name)),
        words(WORD_COUNT, descriptor),
        blobs,
        (weights, bias, positions, taps, slopes),
        macs=lists.multiplications * top.channels,
        rows=Rows(top.height, 1, tables, POSITION_COUNT, top.width, reads, Y),
    )
    return Lowered([step], in_place=lowering.over_residual())
