"""Depthwise convolution of one image with any window: vectors of channels, each with its own filter.

For a group of channels, MR output positions that share a tap list, and NV vectors of the group::

    acc[r][v] = bias[v]                                    r < MR positions, v < NV vectors
    for tap in taps(tile):
        acc[r][v] += x[r][tap][v] * w[tap][v]
    acc[r][v] += residual[r][v]                            epilogue "sum"
    acc[r][v]  = f(acc[r][v], coefficient[v])              epilogue "relu", "sigmoid", ...

A group has so many channels that the rows of x which a window spans stay in the core's first cache until the window has
passed them.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.task import used_elements
from xdn.kernels.contract.tiles import class_tiles, position_classes, tile_words
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts, store_channels
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, CHANNEL, F32_BYTES, LANES, aligned_vectors
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import tap_lists
from xdn.kernels.depthwise.batch import depthwise_footprint, is_depthwise
from xdn.kernels.depthwise.sliding import slides

#: WEIGHTS: [tap][C']. TILES: rows of (first tap, end of taps, MR x offsets, MR y offsets). COEFFICIENTS: f32, one for
#: each channel. PITCH: C'.
X, Y, RESIDUAL, WEIGHTS, BIAS, COEFFICIENTS, TILES, TILE_COUNT, TAPS, X_BLOCK, Y_BLOCK, PITCH = range(12)
#: Bytes of a group's channels.
GROUP = 12
WORD_COUNT = 13
#: Positions and vectors of a tile: each tap's weights are read once for all positions, its place for all vectors.
ROWS, VECTORS = 4, 2
#: The part of a core's first cache that a group's rows may take.
_FIRST_CACHE_BYTES = 24 << 10


def depthwise(epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for an instruction set; `epilogue` as `epilogue_parts` gives it."""
    name = KernelName("channel_depthwise", target.name, epilogue)
    return KernelSource(name, lambda: _body(name))


def _tile(name: KernelName, vectors: int) -> Callable[..., None]:
    """Return the intrinsic that computes some vectors of channels of one tile."""
    target = target_named(name.isa)

    @emitted(VOID, F32_POINTER, F32_POINTER, WORDS, I64, WORDS, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER)
    def tile(irbuilder, *args):
        _emit_tile(VectorBuilder(irbuilder, target), args, vectors, name.epilogue)

    return tile


def _emit_tile(b: VectorBuilder, args: list[ir.Value], vectors: int, epilogue: tuple[str, ...]) -> None:
    x, weights, taps, pitch, table, bias, residual, y, at = args
    origins = [b.offset(x, b.scalar(table, 2 + r)) for r in range(ROWS)]

    def one_tap(t, acc):
        row = b.offset(taps, b.ir.mul(t, b.const(2)))
        place, weight = b.scalar(row), b.offset(weights, b.ir.mul(b.scalar(row, 1), pitch))
        own = [b.load(weight, v) for v in range(vectors)]
        result = []
        for r, origin in enumerate(origins):
            x_at = b.offset(origin, place)
            result += [b.fma(own[v], b.load(x_at, v), acc[r * vectors + v]) for v in range(vectors)]
        return result

    start = [b.load(bias, v) for v in range(vectors)] * ROWS
    acc = b.loop(b.scalar(table, 0), b.scalar(table, 1), start, one_tap)
    places = [b.scalar(table, 2 + ROWS + r) for r in range(ROWS)]
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(ROWS)]
    store_channels(b, tile, places, epilogue, residual, y, at)


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    vector_bytes = target_named(name.isa).lanes * F32_BYTES
    many, one = _tile(name, VECTORS), _tile(name, 1)
    row_bytes = 8 * tile_words(ROWS)

    def depthwise(desc, frame):
        arena, pitch = frame[ARENA], desc[PITCH]
        first, end = portion(frame, desc[TILE_COUNT])
        for block in range(frame[BLOCKS]):
            x = arena + desc[X] + block * desc[X_BLOCK] * F32_BYTES
            y_at = block * desc[Y_BLOCK] * F32_BYTES
            y, residual = arena + desc[Y] + y_at, arena + desc[RESIDUAL] + y_at
            for group in range(0, pitch * F32_BYTES, desc[GROUP]):
                stop = min(group + desc[GROUP], pitch * F32_BYTES)
                for t in range(first, end):
                    table, c = i64_at(desc[TILES] + t * row_bytes), group
                    while c < stop:
                        taps, weights, bias = i64_at(desc[TAPS]), f32_at(desc[WEIGHTS] + c), f32_at(desc[BIAS] + c)
                        ends = (f32_at(residual + c), f32_at(y + c), f32_at(desc[COEFFICIENTS] + c))
                        if c + VECTORS * vector_bytes <= stop:
                            many(f32_at(x + c), weights, taps, pitch, table, bias, *ends)
                            c += VECTORS * vector_bytes
                        else:
                            one(f32_at(x + c), weights, taps, pitch, table, bias, *ends)
                            c += vector_bytes

    return depthwise


@family(
    "channel_depthwise",
    "Convolution",
    when=lambda lowering: is_depthwise(lowering) and not slides(lowering),
    rank=1,
    fuses=True,
    schedules=(CHANNEL,),
    footprint=depthwise_footprint,
)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve each channel with its own filter."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    pitch = top.position_elements
    window = layer.params.window_over(lowering.bottoms[0])
    lists = tap_lists(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    weights = aligned_vectors(np.empty(0), len(lists.used) * pitch)
    filters = used_elements(layer.weights["weight"], lists.used)[:, 0]
    weights.reshape(len(lists.used), pitch)[:, : top.channels] = filters.T
    bias = aligned_vectors(layer.weights.get("bias", np.zeros(top.channels)), pitch)
    slopes = aligned_vectors(coefficients(layer, top.channels), pitch)
    positions, taps = lists.in_elements(bottom, top)
    tiles = class_tiles([positions], position_classes([positions]), ROWS)
    descriptor = {
        WEIGHTS: address(weights),
        BIAS: address(bias),
        COEFFICIENTS: address(slopes),
        TILES: address(tiles),
        TILE_COUNT: len(tiles),
        TAPS: address(taps),
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
        PITCH: pitch,
        GROUP: _group_bytes(lowering),
    }
    step = Step(
        depthwise(epilogue_parts(layer), lowering.target),
        words(WORD_COUNT, descriptor),
        {X: layer.bottoms[0], Y: layer.tops[0]} | lowering.residual_at(RESIDUAL),
        (weights, bias, slopes, tiles, taps),
        macs=lists.multiplications * top.channels,
    )
    return Lowered([step], in_place=lowering.over_residual())


def _group_bytes(lowering: Lowering) -> int:
    """Return the bytes of a group's channels: two vectors at least, where there are as many."""
    vector_bytes = LANES * F32_BYTES
    rows = lowering.layer.params.window_over(lowering.bottoms[0]).extent[0]
    rows_bytes = rows * lowering.bottom().width * vector_bytes
    return max(VECTORS, _FIRST_CACHE_BYTES // rows_bytes) * vector_bytes
