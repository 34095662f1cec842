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

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.element import REAL, S64
from xdn.kernels.contract.task import filters_of
from xdn.kernels.contract.tiles import class_tiles, position_classes, tile_words
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Pointer, Size
from xdn.kernels.core.epilogue import Fused, epilogue_parts, fused_words, store_channels
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion
from xdn.kernels.depthwise.batch import depthwise_footprint, depthwise_phases, is_depthwise, tapped_filters
from xdn.kernels.depthwise.sliding import slides

#: Positions and vectors of a tile: each tap's weights are read once for all positions, its offset for all vectors.
ROWS, VECTORS = 4, 2
#: The part of a core's first cache that a group's rows may take.
_FIRST_CACHE_BYTES = 24 << 10
#: Cycles of a vector for each tap.
_TAP_CYCLES = 1.5


class ChannelDepthwise(Fused):
    """What the kernel is told; weights are packed ``[tap][C']``.

    tiles
        As `class_tiles` gives them, of `ROWS` positions.
    pitch, group
        C'; channels of a group.
    """

    tiles, tile_count, taps = Pointer(S64), Size(), Pointer(S64)
    pitch, group = Size(), Size()


def depthwise(epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for an instruction set; `epilogue` as `epilogue_parts` gives it."""
    name = KernelName("channel_depthwise", target.name, epilogue)
    return kernel_source(name, lambda: _body(name), ChannelDepthwise)


def _tile(name: KernelName, vectors: int) -> Any:
    """Return the intrinsic that computes some vectors of channels of one tile."""
    target = target_named(name.isa)

    @emitted(VOID, POINTER, POINTER, WORDS, I64, WORDS, POINTER, POINTER, POINTER, POINTER)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_tile(VectorBuilder(irbuilder, target), args, vectors, name.epilogue)

    return tile


def _emit_tile(b: VectorBuilder, args: Sequence[ir.Value], vectors: int, epilogue: tuple[str, ...]) -> None:
    x, weights, taps, pitch, table, bias, residual, y, at = args
    origins = [b.offset(x, b.scalar(table, 2 + r)) for r in range(ROWS)]

    def one_tap(t: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        row = b.offset(taps, b.ir.mul(t, b.const(2)))
        offset, weight = b.scalar(row), b.offset(weights, b.ir.mul(b.scalar(row, 1), pitch))
        own = [b.load(weight, v) for v in range(vectors)]
        result = []
        for r, origin in enumerate(origins):
            x_at = b.offset(origin, offset)
            result += [b.fma(own[v], b.load(x_at, v), acc[r * vectors + v]) for v in range(vectors)]
        return result

    start = [b.load(bias, v) for v in range(vectors)] * ROWS
    acc = b.loop(b.scalar(table, 0), b.scalar(table, 1), start, one_tap)
    offsets = [b.scalar(table, 2 + ROWS + r) for r in range(ROWS)]
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(ROWS)]
    store_channels(b, tile, offsets, epilogue, residual, y, at)


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    lanes, row_words = target_named(name.isa).lanes, tile_words(ROWS)
    many, one = _tile(name, VECTORS), _tile(name, 1)

    def depthwise(d, frame):
        pitch = d.pitch
        first, end = portion(frame, d.tile_count)
        for block in range(frame.blocks):
            x, y = block * d.x_block, block * d.y_block
            for group in range(0, pitch, d.group):
                stop = min(group + d.group, pitch)
                for t in range(first, end):
                    table, c = moved(d.tiles, t * row_words), group
                    while c < stop:
                        own = (moved(d.weights, c), d.taps, pitch, table, moved(d.bias, c))
                        residual, result = at_element(frame, d.residual, y + c), at_element(frame, d.y, y + c)
                        if c + VECTORS * lanes <= stop:
                            many(at_element(frame, d.x, x + c), *own, residual, result, moved(d.coefficients, c))
                            c += VECTORS * lanes
                        else:
                            one(at_element(frame, d.x, x + c), *own, residual, result, moved(d.coefficients, c))
                            c += lanes

    return depthwise


@family(
    "channel_depthwise",
    "Convolution",
    when=lambda lowering: is_depthwise(lowering) and not slides(lowering),
    rank=1,
    fuses=True,
    schedules=(CHANNEL,),
    footprint=depthwise_footprint,
    phases=partial(depthwise_phases, tap_cycles=_TAP_CYCLES),
)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve each channel with its own filter."""
    layer, top = lowering.layer, lowering.top()
    pitch = top.position_elements
    lists, filters = tapped_filters(lowering)
    weights = aligned_vectors(np.empty(0), len(filters) * pitch)
    weights.reshape(-1, pitch)[:, : top.channels] = filters
    positions, taps = lists.in_elements(lowering.bottom(), top)
    tiles = class_tiles([positions], position_classes([positions]), ROWS)
    words = ChannelDepthwise(
        weights=weights,
        **fused_words(lowering, layer.weights.get("bias")),
        tiles=tiles,
        tile_count=len(tiles),
        taps=taps,
        pitch=pitch,
        group=_group_channels(lowering),
    )
    step = Step(depthwise(epilogue_parts(layer), lowering.target), words, lists.multiplications * top.channels)
    return Lowered([step], in_place=lowering.over_residual())


def _group_channels(lowering: Lowering) -> int:
    """Return the channels of a group: two vectors at least, where there are as many."""
    lanes = lowering.target.lanes
    rows = filters_of(lowering.layer).window_over(lowering.bottoms[0]).extent[0]
    rows_bytes = rows * lowering.bottom().width * lanes * REAL.bytes
    return max(VECTORS, _FIRST_CACHE_BYTES // rows_bytes) * lanes
