"""Depthwise convolution of one image with a small window: tiles of neighbouring positions share what they read.

A tile is MR x MQ neighbouring output positions; all their windows together cover a patch of the bottom, each value of
which is loaded once for all windows that it lies in. For each vector of a group of channels::

    acc[p][q] = bias                                       p < MR, q < MQ
    for i in range((MR - 1) * stride + R):                 rows of the patch
        row[j] = x[i][j]                                   j < (MQ - 1) * stride + S
        for p, r with p * stride + r == i:
            for s in range(S):
                acc[p][q] += row[q * stride + s] * w[r][s]
    acc[p][q] += residual[p][q]                            epilogue "sum"
    acc[p][q]  = f(acc[p][q], coefficient)                 epilogue "relu", "sigmoid", ...

Of bf16 x becomes f32 as it is loaded, and acc bf16 as it is stored, where the top is.

The products of an output are added in the order of the window's elements, as everywhere. Where the patch reaches over
the border it reads zeros; the last tiles of a row or column reach back over the ones before instead of over the end.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, WORDS, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import BF16, REAL, S64, Element, real
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.choice import DIRECT, Choice
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size, Table, redeclared
from xdn.kernels.core.epilogue import Fused, epilogue_parts, fused_words, store_channels
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import stored_words
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import count_taps
from xdn.kernels.core.work import Phase
from xdn.kernels.depthwise.batch import depthwise_footprint, is_depthwise
from xdn.kernels.depthwise.tiles import Sliding, best_tile, patch_table, tiles_for, vector_cycles

#: Elements of a side of a window at most: those of larger ones would not leave registers for a tile.
_LARGEST = 5
#: Units of work of a layer at least, as far as its channels allow: threads share them evenly.
_UNITS = 32


class GroupRow(Descriptor):
    """A group of channels: its first vector, and the end of its vectors."""

    first, end = Size(), Size()


class SlidingDepthwise(Fused):
    """What the kernel is told; weights are packed ``[vector of channels][r][s][lanes]``.

    zeros
        C' of them.
    tiles
        A row has the offset of each value of the patch, negative over the border, and that of each output; in f32.
    """

    zeros, tiles, tile_count = Pointer(), Pointer(S64), Size()
    groups, group_count = Table(GroupRow), Size()


def sliding(
    window: Sliding, epilogue: tuple[str, ...], target: Target, element: Element = REAL, top: Element = REAL
) -> KernelSource:
    """Return the kernel for a window and a tile; `epilogue` as `epilogue_parts` gives it.

    A residual is of the element of the top.
    """
    name = KernelName(window.op, target.name, epilogue + stored_words(element, top, target), window.tile, element)
    declared = redeclared(SlidingDepthwise, element, Place, "x")
    declared = redeclared(redeclared(declared, top, Place, "y", "residual"), element, Pointer, "zeros")
    return kernel_source(name, lambda: _body(window, epilogue, target, element, top), declared)


def _tile(window: Sliding, epilogue: tuple[str, ...], target: Target, element: Element, top: Element) -> Any:
    """Return the intrinsic that computes some vectors of channels of one tile."""
    x, y = Kind(element, "pointer"), Kind(top, "pointer")

    @emitted(VOID, I64, I64, x, x, WORDS, POINTER, POINTER, y, y, POINTER)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_tile(VectorBuilder(irbuilder, target), args, window, epilogue, (element, top))

    return tile


def _emit_tile(
    b: VectorBuilder,
    args: Sequence[ir.Value],
    window: Sliding,
    epilogue: tuple[str, ...],
    elements: tuple[Element, Element],
) -> None:
    first, end, x, zeros, table, weights, bias, residual, y, at = args
    element, top = elements
    (rows, columns), (height, width) = window.tile, window.patch
    patch = [_value_at(b, x, zeros, b.scalar(table, i)) for i in range(height * width)]
    offsets = [b.scalar(table, height * width + i) for i in range(rows * columns)]

    def one_vector(v: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        # Unknown to the compiler, which would else count up an address for each value of the patch, on the stack.
        at_v = b.opaque(b.ir.mul(v, b.const(b.target.lanes)))
        own = b.offset(weights, b.ir.mul(at_v, b.const(window.kernel[0] * window.kernel[1])))
        start = b.load(b.offset(bias, at_v))
        acc = [start] * (rows * columns)
        for i in range(height):
            row = [b.load_stored(b.offset(patch[i * width + j], at_v), 0, element) for j in range(width)]
            acc = _add_row(b, row, own, window, i, acc)
        ends = (b.offset(residual, at_v), b.offset(y, at_v), b.offset(at, at_v))
        store_channels(b, [[value] for value in acc], offsets, epilogue, *ends, element=top)
        return carried

    b.loop(first, end, [], one_vector)


def _value_at(b: VectorBuilder, x: ir.Value, zeros: ir.Value, offset: ir.Value) -> ir.Value:
    """Return where a value of the patch lies, or the zeros where it lies over the border."""
    return b.ir.select(b.ir.icmp_signed("<", offset, b.const(0)), zeros, b.offset(x, offset))


def _add_row(
    b: VectorBuilder, row: list[ir.Value], weights: ir.Value, window: Sliding, i: int, acc: list[ir.Value]
) -> list[ir.Value]:
    """Emit what row `i` of the patch adds to the tile."""
    (rows, columns), (height, width), acc = window.tile, window.kernel, list(acc)
    for p in range(rows):
        r = i - p * window.stride
        for s in range(width) if 0 <= r < height else ():
            weight = b.load(weights, r * width + s)
            for q in range(columns):
                at = p * columns + q
                acc[at] = b.fma(row[q * window.stride + s], weight, acc[at])
    return acc


def _body(window: Sliding, epilogue: tuple[str, ...], target: Target, element: Element, top: Element) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = _tile(window, epilogue, target, element, top)
    (rows, columns), (height, width) = window.tile, window.patch
    row_words = rows * columns + height * width

    def slide(d, frame):
        group_count = d.group_count
        first, end = portion(frame, d.tile_count * group_count)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), block * d.y_block
            for unit in range(first, end):
                number = unit // group_count
                group = d.groups[unit - number * group_count]
                tile(
                    group.first,
                    group.end,
                    x,
                    d.zeros,
                    moved(d.tiles, number * row_words),
                    d.weights,
                    d.bias,
                    at_element(frame, d.residual, y),
                    at_element(frame, d.y, y),
                    d.coefficients,
                )

    return slide


def slides(lowering: Lowering) -> bool:
    """Return whether the layer is a depthwise convolution of images whose window is small and moves evenly."""
    window = filters_of(lowering.layer).window_over(lowering.bottoms[0])
    if window.axes != 2:
        return False
    small = max(window.kernel) <= _LARGEST and window.dilation == (1, 1)
    return is_depthwise(lowering) and small and window.stride[0] == window.stride[1] <= min(window.kernel)


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the tiles take."""
    window, top = filters_of(lowering.layer).window(2), lowering.top()
    tile = lowering.choice.tile or best_tile(window, top, lowering.target)
    vectors = top.position_elements / lowering.target.lanes
    return lowering.moving(0.0, vectors * vector_cycles(window, tile, top, lowering.target))


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices: the tile."""
    window = filters_of(lowering.layer).window(2)
    return [Choice(DIRECT, tile) for tile in tiles_for(window, lowering.top(), lowering.target)]


def _slides_over_bf16(lowering: Lowering) -> bool:
    """Return the same of bf16, and that a top of f32 or bf16 is stored, which a residual lies as."""
    top = lowering.tops[0].element
    return slides(lowering) and top in (REAL, BF16) and all(blob.element == top for blob in lowering.added)


_SLIDING: dict[str, Any] = {
    "fuses": True,
    "schedules": (CHANNEL,),
    "choices": _choices,
    "footprint": depthwise_footprint,
    "phases": _phases,
}


@family("channel_bf16_sliding", "Convolution", when=_slides_over_bf16, rank=2, bf16=True, **_SLIDING)
@family("channel_sliding", "Convolution", when=slides, rank=1, **_SLIDING)
def lower_sliding(lowering: Lowering) -> Lowered:
    """Convolve each channel with its own small filter, several neighbouring positions at a time."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    window, lanes = filters_of(layer).window(2), lowering.target.lanes
    slide = Sliding.of(window, lowering.choice.tile or best_tile(window, top, lowering.target))
    pitch = top.position_elements
    filters = np.zeros((pitch, *window.kernel), real)
    weight, element = layer.weights["weight"][:, 0], bottom.element
    filters[: top.channels] = BF16.rounded(weight) if layer.reads_bf16 else weight
    tiles = patch_table(slide, window, bottom, top)
    groups = _group_table(pitch // lanes, len(tiles))
    words = SlidingDepthwise(
        weights=aligned_vectors(filters.reshape(pitch // lanes, lanes, -1).transpose(0, 2, 1)),
        **fused_words(lowering, layer.weights.get("bias")),
        zeros=aligned(np.zeros(pitch, element.numpy)),
        tiles=tiles,
        tile_count=len(tiles),
        groups=groups,
        group_count=len(groups),
    )
    macs = count_taps((bottom.height, bottom.width), (top.height, top.width), window) * top.channels
    # Positions of two tiles are computed twice: in the residual's place the second time would add it again.
    source = sliding(slide, epilogue_parts(layer), lowering.target, element, top.element)
    return Lowered([Step(source, words, macs)])


def _group_table(vectors: int, tiles: int) -> Array:
    """Return (first, end) of groups of vectors, as even as possible, and as few as share the work evenly."""
    groups = min(vectors, -(-_UNITS // tiles))
    ends = np.arange(groups + 1) * vectors // groups
    return np.stack([ends[:-1], ends[1:]], axis=1)
