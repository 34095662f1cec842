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

The products of an output are added in the order of the window's elements, as everywhere. Where the patch reaches over
the border it reads zeros; the last tiles of a row or column reach back over the ones before instead of over the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.core.choice import DIRECT, Choice
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts, store_channels
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, CHANNEL, F32_BYTES, BlockLayout, aligned_vectors
from xdn.kernels.core.portion import portion
from xdn.kernels.core.taps import count_taps
from xdn.kernels.depthwise.batch import depthwise_footprint, is_depthwise
from xdn.layers.window import Window

#: WEIGHTS: [vector of channels][r][s][lanes]. COEFFICIENTS: f32, one for each channel. ZEROS: C' of them. TILES: a row
#: has the place of each value of the patch, negative over the border, and that of each output; in f32.
X, Y, RESIDUAL, WEIGHTS, BIAS, COEFFICIENTS, ZEROS, TILES, TILE_COUNT, X_BLOCK, Y_BLOCK = range(11)
#: Table of groups: rows of (first vector, end of vectors).
GROUPS, GROUP_COUNT = 11, 12
WORD_COUNT = 13

#: Elements of a side of a window at most: those of larger ones would not leave registers for a tile.
_LARGEST = 5
#: Units of work of a layer at least, as far as its channels allow: threads share them evenly.
_UNITS = 32
#: Cycles for what is done once a vector of a tile.
_TILE_CYCLES = 8


@dataclass(frozen=True)
class Sliding:
    """A window, and the tile of positions that it slides over.

    Parameters
    ----------
    kernel : (int, int)
        R and S.
    stride : int
        In both directions.
    tile : (int, int)
        MR and MQ.
    """

    kernel: tuple[int, int]
    stride: int
    tile: tuple[int, int]

    @property
    def patch(self) -> tuple[int, int]:
        """Rows and columns of the bottom that a tile reads."""
        (r, s), (rows, columns) = self.kernel, self.tile
        return (rows - 1) * self.stride + r, (columns - 1) * self.stride + s

    @property
    def op(self) -> str:
        """The kernel's operation."""
        r, s = self.kernel
        return f"channel_sliding_w{r}x{s}s{self.stride}"


def sliding(window: Sliding, epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for a window and a tile; `epilogue` as `epilogue_parts` gives it."""
    name = KernelName(window.op, target.name, epilogue, window.tile)
    return KernelSource(name, lambda: _body(window, name))


def _tile(window: Sliding, name: KernelName) -> Callable[..., None]:
    """Return the intrinsic that computes some vectors of channels of one tile."""
    target = target_named(name.isa)

    @emitted(
        VOID, I64, I64, F32_POINTER, F32_POINTER, WORDS, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER
    )
    def tile(irbuilder, *args):
        _emit_tile(VectorBuilder(irbuilder, target), args, window, name.epilogue)

    return tile


def _emit_tile(b: VectorBuilder, args: list[ir.Value], window: Sliding, epilogue: tuple[str, ...]) -> None:
    first, end, x, zeros, table, weights, bias, residual, y, at = args
    (rows, columns), (height, width) = window.tile, window.patch
    patch = [_place(b, x, zeros, b.scalar(table, i)) for i in range(height * width)]
    places = [b.scalar(table, height * width + i) for i in range(rows * columns)]

    def one_vector(v, carried):
        at_v = b.ir.mul(v, b.const(b.target.lanes))
        own = b.offset(weights, b.ir.mul(at_v, b.const(window.kernel[0] * window.kernel[1])))
        start = b.load(b.offset(bias, at_v))
        acc = [start] * (rows * columns)
        for i in range(height):
            row = [b.load(b.offset(patch[i * width + j], at_v)) for j in range(width)]
            acc = _add_row(b, row, own, window, i, acc)
        ends = [b.offset(pointer, at_v) for pointer in (residual, y, at)]
        store_channels(b, [[value] for value in acc], places, epilogue, *ends)
        return carried

    b.loop(first, end, [], one_vector)


def _place(b: VectorBuilder, x: ir.Value, zeros: ir.Value, place: ir.Value) -> ir.Value:
    """Return where a value of the patch lies, or the zeros where it lies over the border."""
    return b.ir.select(b.ir.icmp_signed("<", place, b.const(0)), zeros, b.offset(x, place))


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


def _body(window: Sliding, name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = _tile(window, name)
    (rows, columns), (height, width) = window.tile, window.patch
    row_bytes = 8 * (rows * columns + height * width)

    def slide(desc, frame):
        arena, groups, group_count = frame[ARENA], i64_at(desc[GROUPS]), desc[GROUP_COUNT]
        first, end = portion(frame, desc[TILE_COUNT] * group_count)
        for block in range(frame[BLOCKS]):
            x = f32_at(arena + desc[X] + block * desc[X_BLOCK] * F32_BYTES)
            y_at = arena + block * desc[Y_BLOCK] * F32_BYTES
            for unit in range(first, end):
                number = unit // group_count
                group = unit - number * group_count
                tile(
                    groups[2 * group],
                    groups[2 * group + 1],
                    x,
                    f32_at(desc[ZEROS]),
                    i64_at(desc[TILES] + number * row_bytes),
                    f32_at(desc[WEIGHTS]),
                    f32_at(desc[BIAS]),
                    f32_at(y_at + desc[RESIDUAL]),
                    f32_at(y_at + desc[Y]),
                    f32_at(desc[COEFFICIENTS]),
                )

    return slide


def slides(lowering: Lowering) -> bool:
    """Return whether the layer is a depthwise convolution of images whose window is small and moves evenly."""
    window = lowering.layer.params.window_over(lowering.bottoms[0])
    if window.axes != 2:
        return False
    small = max(window.kernel) <= _LARGEST and window.dilation == (1, 1)
    return is_depthwise(lowering) and small and window.stride[0] == window.stride[1] <= min(window.kernel)


def tiles_for(window: Window, top: BlockLayout, target: Target) -> list[tuple[int, int]]:
    """Return the tiles (MR, MQ) that fit into the registers: accumulators, a row of the patch, and weights.

    The weights of the whole window where these are few beside all registers, else those of one of its rows.
    """
    (r, s), stride = window.kernel, window.stride[1]
    room = target.registers - (r * s if 3 * r * s <= target.registers else s)
    found = [
        (rows, columns)
        for rows in range(1, min(top.height, room) + 1)
        for columns in range(1, min(top.width, room) + 1)
        if rows * columns + (columns - 1) * stride + s <= room
    ]
    return found or [(1, 1)]


def best_tile(window: Window, top: BlockLayout, target: Target) -> tuple[int, int]:
    """Return the tile that should take the fewest cycles: for its products, the values of its patch, its results."""

    def cycles(tile: tuple[int, int]) -> int:
        slide = Sliding(window.kernel, window.stride[0], tile)
        tiles = -(-top.height // tile[0]) * -(-top.width // tile[1])
        return tiles * (prod(tile) * (prod(window.kernel) + 1) + prod(slide.patch) + _TILE_CYCLES)

    return min(tiles_for(window, top, target), key=lambda tile: (cycles(tile), tile))


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices: the tile."""
    window = lowering.layer.params.window(2)
    return [Choice(DIRECT, tile) for tile in tiles_for(window, lowering.top(), lowering.target)]


@family(
    "channel_sliding",
    "Convolution",
    when=slides,
    rank=1,
    fuses=True,
    schedules=(CHANNEL,),
    choices=_choices,
    footprint=depthwise_footprint,
)
def lower_sliding(lowering: Lowering) -> Lowered:
    """Convolve each channel with its own small filter, several neighbouring positions at a time."""
    layer, bottom, top, window = lowering.layer, lowering.bottom(), lowering.top(), lowering.layer.params.window(2)
    tile = lowering.choice.tile or best_tile(window, top, lowering.target)
    slide = Sliding(window.kernel, window.stride[0], tile)
    pitch = top.position_elements
    lanes = lowering.target.lanes
    vectors = pitch // lanes
    filters = np.zeros((pitch, *window.kernel), np.float32)
    filters[: top.channels] = layer.weights["weight"][:, 0]
    weights = aligned_vectors(filters.reshape(vectors, lanes, -1).transpose(0, 2, 1))
    bias = aligned_vectors(layer.weights.get("bias", np.zeros(top.channels)), pitch)
    slopes = aligned_vectors(coefficients(layer, top.channels), pitch)
    zeros = aligned_vectors(np.empty(0), pitch)
    tiles = patch_table(slide, window, bottom, top)
    groups = _group_table(vectors, len(tiles))
    descriptor = {
        WEIGHTS: address(weights),
        BIAS: address(bias),
        COEFFICIENTS: address(slopes),
        ZEROS: address(zeros),
        TILES: address(tiles),
        TILE_COUNT: len(tiles),
        GROUPS: address(groups),
        GROUP_COUNT: len(groups),
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
    }
    step = Step(
        sliding(slide, epilogue_parts(layer), lowering.target),
        words(WORD_COUNT, descriptor),
        {X: layer.bottoms[0], Y: layer.tops[0]} | lowering.residual_at(RESIDUAL),
        (weights, bias, slopes, zeros, tiles, groups),
        macs=count_taps((bottom.height, bottom.width), (top.height, top.width), window) * top.channels,
    )
    # Positions of two tiles are computed twice: in the residual's place the second time would add it again.
    return Lowered([step])


def patch_table(slide: Sliding, window: Window, bottom: BlockLayout, top: BlockLayout) -> np.ndarray:
    """Return the table of tiles, row by row of the map."""
    (rows, columns), (height, width) = slide.tile, slide.patch
    starts = np.meshgrid(_starts(top.height, rows), _starts(top.width, columns), indexing="ij")
    p, q = (start.reshape(-1, 1, 1) for start in starts)
    i = p * slide.stride - window.pad[0] + np.arange(height)[:, None]
    j = q * slide.stride - window.pad[1] + np.arange(width)
    outside = (i < 0) | (i >= bottom.height) | (j < 0) | (j >= bottom.width)
    places = np.where(outside, -1, (i * bottom.width + j) * bottom.position_elements)
    outputs = ((p + np.arange(rows)[:, None]) * top.width + q + np.arange(columns)) * top.position_elements
    return np.hstack([table.reshape(len(p), -1) for table in (places, outputs)]).astype(np.int64)


def _starts(size: int, length: int) -> list[int]:
    """Return where parts of `length` begin that cover `size`, the last one at its end."""
    return [min(start, size - length) for start in range(0, size, length)]


def _group_table(vectors: int, tiles: int) -> np.ndarray:
    """Return (first, end) of groups of vectors, as even as possible, and as few as share the work evenly."""
    groups = min(vectors, -(-_UNITS // tiles))
    ends = np.arange(groups + 1) * vectors // groups
    return np.stack([ends[:-1], ends[1:]], axis=1)
