"""Depthwise convolution: every channel has its own filter, so there is no sum over channels to tile.

For a block of images, an output position and a channel::

    acc[v] = bias[c]                                       v < NV vectors of images
    for tap in taps(position):
        acc[v] += w[tap][c] * x[tap][c][v]
    acc[v] += residual[c][v]                               epilogue "sum"
    acc[v]  = f(acc[v], coefficient[c])                    epilogue "relu", "sigmoid", ...
"""

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.element import S64, real
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of, used_elements
from xdn.kernels.core.descriptor import Pointer, Size, Table
from xdn.kernels.core.epilogue import Fused, epilogue_parts, fused_reads, fused_words, store_images
from xdn.kernels.core.family import Lowered, Lowering, Rows, Step, family, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.taps import PositionRow, TapLists, count_taps, lists_footprint, tap_lists
from xdn.kernels.core.work import Phase

#: Cycles of a vector for each tap: each of a channel's sums is one chain.
_TAP_CYCLES = 4.5


class BatchDepthwise(Fused):
    """What the kernel is told; weights are packed ``[tap][channel]``."""

    positions, position_count = Table(PositionRow), Size()
    taps, channels = Pointer(S64), Size()


def depthwise(epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for an instruction set; `epilogue` as `epilogue_parts` gives it."""
    name = KernelName("depthwise", target.name, epilogue)
    return kernel_source(name, lambda: _body(name), BatchDepthwise)


def _row(name: KernelName) -> Any:
    """Return the intrinsic that computes one channel of one position for all images of a block."""
    target = target_named(name.isa)

    @emitted(VOID, POINTER, POINTER, WORDS, I64, I64, I64, POINTER, POINTER, POINTER, POINTER)
    def row(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_row(VectorBuilder(irbuilder, target), args, name.epilogue)

    return row


def _emit_row(b: VectorBuilder, args: Sequence[ir.Value], epilogue: tuple[str, ...]) -> None:
    x, weights, taps, first, end, channels, bias, residual, y, at = args
    vectors = b.target.block_images // b.target.lanes

    def one_tap(t: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
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
    row, images = _row(name), target_named(name.isa).block_images

    def depthwise(d, frame):
        taps, channels = d.taps, d.channels
        for block in range(frame.blocks):
            for p in range(d.position_count):
                position = d.positions[p]
                x, y = block * d.x_block + position.x, block * d.y_block + position.y
                for c in range(channels):
                    row(
                        at_element(frame, d.x, x + c * images),
                        moved(d.weights, c),
                        taps,
                        position.first,
                        position.end,
                        channels,
                        moved(d.bias, c),
                        at_element(frame, d.residual, y + c * images),
                        at_element(frame, d.y, y + c * images),
                        moved(d.coefficients, c),
                    )

    return depthwise


def is_depthwise(lowering: Lowering) -> bool:
    """Return whether every input channel has exactly one filter of its own, and nothing else is summed."""
    channels, layer = lowering.bottom().channels, lowering.layer
    return layer.projection is None and filters_of(layer).group == channels == lowering.top().channels


def depthwise_footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights and the tables of positions take."""
    bottom = lowering.bottoms[0]
    window = filters_of(lowering.layer).window_over(bottom)
    return packed_weights(lowering) + lists_footprint(bottom.shape[2:], lowering.tops[0].shape[2:], window)


def depthwise_phases(lowering: Lowering, tap_cycles: float) -> tuple[Phase, ...]:
    """Return what the taps take, each so many cycles for a vector."""
    sizes, places = lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:]
    taps = count_taps(sizes, places, filters_of(lowering.layer).window_over(lowering.bottoms[0]))
    return lowering.moving(tap_cycles * taps / prod(places))


def tapped_filters(lowering: Lowering) -> tuple[TapLists, Array]:
    """Return the tap lists, and (taps, channels): each channel's filter at the elements that any position uses."""
    bottom, layer = lowering.bottoms[0], lowering.layer
    lists = tap_lists(bottom.shape[2:], lowering.tops[0].shape[2:], filters_of(layer).window_over(bottom))
    return lists, used_elements(layer.weights["weight"], lists.used)[:, 0].T


@family(
    "depthwise",
    "Convolution",
    when=is_depthwise,
    rank=1,
    fuses=True,
    footprint=depthwise_footprint,
    phases=partial(depthwise_phases, tap_cycles=_TAP_CYCLES),
)
def lower_depthwise(lowering: Lowering) -> Lowered:
    """Convolve each channel with its own filter."""
    layer, top = lowering.layer, lowering.top()
    lists, filters = tapped_filters(lowering)
    positions, taps = lists.in_elements(lowering.bottom(), top)
    words = BatchDepthwise(
        weights=np.ascontiguousarray(filters, real),
        **fused_words(lowering, layer.weights.get("bias")),
        positions=positions,
        position_count=len(positions),
        taps=taps,
        channels=top.channels,
    )
    reads = fused_reads(lowering, filters_of(layer).window_over(lowering.bottoms[0]))
    tables = {BatchDepthwise.positions.slot: top.width * positions[0].nbytes}
    count, y = BatchDepthwise.position_count.slot, BatchDepthwise.y.slot
    rows = Rows(top.height, 1, tables, count, top.width, reads, y)
    source = depthwise(epilogue_parts(layer), lowering.target)
    step = Step(source, words, lists.multiplications * top.channels, rows)
    return Lowered([step], in_place=lowering.over_residual())
