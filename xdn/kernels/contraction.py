"""The contraction kernel: what convolution and InnerProduct become at one output position.

For a block of images, an output position and MR output channels (a tile)::

    acc[r][v] = bias[r]                                    r < MR rows, v < NV vectors of images
    for tap in taps(position):                             only taps that meet data
        for c in range(channels):
            acc[r][v] += w[tap][c][r] * x[tap][c][v]       one fused multiply-add
    acc[r][v] += residual[r][v]                            epilogue "sum"
    acc[r][v]  = f(acc[r][v], coefficient[r])              epilogue "relu", "sigmoid", ...
    y[r][v] = acc[r][v]

The scalars are weights, the vectors are images. All MR * NV accumulators stay in registers. Units: x is
counted in f32, ``channels * B`` from one position to the next; w is packed ``[tile][tap][channels][MR]``.
"""

from collections.abc import Callable

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import WORDS, f32_at, i64_at
from xdn.codegen.isa import Isa, isa_named
from xdn.codegen.names import KernelName
from xdn.kernels.epilogue import store_tile
from xdn.kernels.layout import ARENA, BLOCKS, F32_BYTES, B

# The descriptor.
X, Y, RESIDUAL, WEIGHTS, BIAS = range(5)
#: Table of tiles: rows of (x offset of the group, weight offset, first output channel).
TILES, TILE_COUNT = 5, 6
#: Table of positions: rows of (x offset, first tap, end of taps, y offset), offsets in f32.
POSITIONS, POSITION_COUNT = 7, 8
#: Table of taps: rows of (x offset from the position's, index of the tap's packed weights).
TAPS = 9
CHANNELS, X_BLOCK, Y_BLOCK = 10, 11, 12
#: Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
TILE_GROUP = 13
#: Address of the activation's coefficients (slope, alpha): f32, one for each output channel.
COEFFICIENTS = 14
WORD_COUNT = 15

_F32 = types.CPointer(types.float32)


def contraction(rows: int, epilogue: tuple[str, ...], isa: Isa) -> KernelSource:
    """Return the kernel for tiles of `rows` output channels.

    Parameters
    ----------
    rows : int
        Output channels of a tile (MR).
    epilogue : tuple of str
        ``"sum"`` and an activation's word, each or none, in this order (`epilogue_parts`).
    isa : Isa
    """
    name = KernelName("contract", isa.name, epilogue, (rows, isa.tile()[1]))
    return KernelSource(name, lambda: _body(name))


def _tile(name: KernelName) -> Callable[..., None]:
    """Return the intrinsic that computes one tile of one position for NV vectors of images."""
    isa = isa_named(name.isa)
    rows, vectors = name.tile

    @intrinsic
    def tile(typingctx, x, weights, taps, first, end, channels, bias, residual, y, at):
        def codegen(context, irbuilder, signature, args):
            _emit_tile(VectorBuilder(irbuilder, isa), args, rows, vectors, name.epilogue)
            return context.get_dummy_value()

        pointers_and_sizes = (_F32, _F32, WORDS, types.int64, types.int64, types.int64, _F32, _F32, _F32, _F32)
        return types.void(*pointers_and_sizes), codegen

    return tile


def contract_channels(
    b: VectorBuilder, operands: tuple[ir.Value, ir.Value, ir.Value], tile: tuple[int, int], acc: list[ir.Value]
) -> list[ir.Value]:
    """Emit the loop over channels: every row's scalar times every vector, added to `acc`, which is returned.

    Parameters
    ----------
    b : VectorBuilder
    operands : (pointer, pointer, i64)
        The vectors, B images a channel; the scalars, MR a channel; the number of channels.
    tile : (int, int)
        Rows and vectors.
    acc : list of vectors
        Row by row.
    """
    x, weights, channels = operands
    rows, vectors = tile

    def body(c, acc):
        x_c = b.offset(x, b.ir.mul(c, b.const(B)))
        w_c = b.offset(weights, b.ir.mul(c, b.const(rows)))
        lanes = [b.load(x_c, v) for v in range(vectors)]
        result = []
        for r in range(rows):
            scalar = b.broadcast(b.scalar(w_c, r))
            result += [b.fma(scalar, lanes[v], acc[r * vectors + v]) for v in range(vectors)]
        return result

    return b.loop(b.const(0), channels, acc, body)


def _emit_tile(b: VectorBuilder, args: list[ir.Value], rows: int, vectors: int, epilogue: tuple[str, ...]) -> None:
    x, weights, taps, first, end, channels, bias, residual, y, at = args
    tap_weights = b.ir.mul(channels, b.const(rows))

    def one_tap(t, acc):
        row = b.ir.mul(t, b.const(2))
        tap_x = b.offset(x, b.scalar(taps, row))
        index = b.scalar(taps, b.ir.add(row, b.const(1)))
        tap_w = b.offset(weights, b.ir.mul(index, tap_weights))
        return contract_channels(b, (tap_x, tap_w, channels), (rows, vectors), acc)

    start = [b.broadcast(b.scalar(bias, r)) for r in range(rows) for _ in range(vectors)]
    acc = b.loop(first, end, start, one_tap)
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(rows)]
    store_tile(b, tile, epilogue, residual, y, at)


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = _tile(name)
    isa = isa_named(name.isa)
    images_at_once = isa.lanes * name.tile[1]

    def contract(desc, frame):
        arena = frame[ARENA]
        x, y, residual = arena + desc[X], arena + desc[Y], arena + desc[RESIDUAL]
        tiles, positions, taps = i64_at(desc[TILES]), i64_at(desc[POSITIONS]), i64_at(desc[TAPS])
        for first_tile in range(0, desc[TILE_COUNT], desc[TILE_GROUP]):
            end_tile = min(first_tile + desc[TILE_GROUP], desc[TILE_COUNT])
            for block in range(frame[BLOCKS]):
                for p in range(desc[POSITION_COUNT]):
                    for t in range(first_tile, end_tile):
                        x_at = block * desc[X_BLOCK] + positions[4 * p] + tiles[3 * t]
                        y_at = block * desc[Y_BLOCK] + positions[4 * p + 3] + tiles[3 * t + 2] * B
                        for lane in range(0, B, images_at_once):
                            tile(
                                f32_at(x + (x_at + lane) * F32_BYTES),
                                f32_at(desc[WEIGHTS] + tiles[3 * t + 1] * F32_BYTES),
                                taps,
                                positions[4 * p + 1],
                                positions[4 * p + 2],
                                desc[CHANNELS],
                                f32_at(desc[BIAS] + tiles[3 * t + 2] * F32_BYTES),
                                f32_at(residual + (y_at + lane) * F32_BYTES),
                                f32_at(y + (y_at + lane) * F32_BYTES),
                                f32_at(desc[COEFFICIENTS] + tiles[3 * t + 2] * F32_BYTES),
                            )

    return contract
