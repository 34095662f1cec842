"""The contraction kernel: what convolution and InnerProduct become at one output position.

For a block of images, an output position and MR output channels (a tile)::

    acc[r][v] = bias[r]                                    r < MR rows, v < NV vectors of images
    for run in runs(position):                             neighbouring taps, only those that meet data
        for c in range(channels of run):
            acc[r][v] += w[run][c][r] * x[run][c][v]       one fused multiply-add
    the same over runs, weights and channels of a second x                     epilogue "projection"
    acc[r][v] += residual[r][v]                            epilogue "sum"
    acc[r][v]  = f(acc[r][v], coefficient[r])              epilogue "relu", "sigmoid", ...
    y[r][v] = acc[r][v]

The scalars are weights, the vectors are images. All MR * NV accumulators stay in registers. Units: x is
counted in f32, ``channels * B`` from one position to the next; w is packed ``[tile][tap][channels][MR]``, so that a run
of taps is one of channels. With two sources the sum stays one chain: the second's runs follow the first's, on the same
accumulators.
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, WORDS, emitted, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.core.epilogue import PROJECTION, store_tile
from xdn.kernels.core.layout import ARENA, BLOCKS, F32_BYTES, B

# The descriptor.
X, Y, RESIDUAL, WEIGHTS, BIAS = range(5)
#: Table of tiles: rows of (x offset of the group, weight offset, first output channel), with two sources also
#: the second's weight offset.
TILES, TILE_COUNT = 5, 6
#: Table of positions: rows of (x offset, first run, end of runs, y offset), with two sources also (x offset, first
#: run, end of runs) of the second; offsets in f32.
POSITIONS, POSITION_COUNT = 7, 8
#: Table of runs: rows of (x offset from the position's, first packed channel, channels).
RUNS = 9
X_BLOCK, Y_BLOCK = 10, 11
#: Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
TILE_GROUP = 12
#: Address of the activation's coefficients (slope, alpha): f32, one for each output channel.
COEFFICIENTS = 13
#: The second source, which has no groups.
X2, WEIGHTS2, RUNS2, X2_BLOCK = range(14, 18)
WORD_COUNT = 18
#: For each source the slots of its blob, weights, runs and elements of a block.
SOURCES = ((X, WEIGHTS, RUNS, X_BLOCK), (X2, WEIGHTS2, RUNS2, X2_BLOCK))

#: What a tile takes of a source: x, weights, runs, first run, end of runs.
_SOURCE = (F32_POINTER, F32_POINTER, WORDS, I64, I64)
#: And of both ends of the sum: bias, residual, y, coefficients.
_ENDS = (F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER)


def contraction(rows: int, epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for tiles of `rows` output channels.

    Parameters
    ----------
    rows : int
        Output channels of a tile (MR).
    epilogue : tuple of str
        ``"sum"`` or ``"projection"`` and an activation's word, each or none, in this order (`epilogue_parts`).
    target : Target
    """
    name = KernelName("contract", target.name, epilogue, (rows, target.tile()[1]))
    return KernelSource(name, lambda: _body(name))


def _tile(name: KernelName) -> Callable[..., None]:
    """Return the intrinsic that computes one tile of one position for NV vectors of images."""
    target = target_named(name.isa)
    rows, vectors = name.tile

    second = _SOURCE if PROJECTION in name.epilogue else ()

    @emitted(VOID, *_SOURCE, *_ENDS, *second)
    def tile(irbuilder, *args):
        _emit_tile(VectorBuilder(irbuilder, target), args, rows, vectors, name.epilogue)

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
    ends = len(_SOURCE) + len(_ENDS)
    bias, residual, y, at = args[len(_SOURCE) : ends]
    sources = [source for source in (args[: len(_SOURCE)], args[ends:]) if source]
    chains = [_chain(b, source, rows, vectors) for source in sources]
    acc = [b.broadcast(b.scalar(bias, r)) for r in range(rows) for _ in range(vectors)]
    for chain in chains:
        acc = chain(acc)
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(rows)]
    store_tile(b, tile, epilogue, residual, y, at)


def _chain(
    b: VectorBuilder, source: list[ir.Value], rows: int, vectors: int
) -> Callable[[list[ir.Value]], list[ir.Value]]:
    """Return what emits the loops over runs and channels of a source: accumulators -> accumulators."""
    x, weights, runs, first, end = source

    def one_run(number, acc):
        place, channel, channels = (b.scalar(b.offset(runs, b.ir.mul(number, b.const(3))), word) for word in range(3))
        run_w = b.offset(weights, b.ir.mul(channel, b.const(rows)))
        return contract_channels(b, (b.offset(x, place), run_w, channels), (rows, vectors), acc)

    return lambda acc: b.loop(first, end, acc, one_run)


# Both are inlined before LLVM sees them: with one source the machine code is what it would be without the question.


@inlined
def _no_second(desc, frame, block, p, t, lane):
    """Return what a tile takes of a second source where there is none."""
    return ()


@inlined
def _second(desc, frame, block, p, t, lane):
    """Return the second source of tile `t` at position `p`, as `_SOURCE`."""
    positions, tiles = i64_at(desc[POSITIONS]), i64_at(desc[TILES])
    x_at = block * desc[X2_BLOCK] + positions[7 * p + 4] + lane
    return (
        f32_at(frame[ARENA] + desc[X2] + x_at * F32_BYTES),
        f32_at(desc[WEIGHTS2] + tiles[4 * t + 3] * F32_BYTES),
        i64_at(desc[RUNS2]),
        positions[7 * p + 5],
        positions[7 * p + 6],
    )


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = _tile(name)
    second, position_words, tile_words = (_second, 7, 4) if PROJECTION in name.epilogue else (_no_second, 4, 3)
    target = target_named(name.isa)
    images_at_once = target.lanes * name.tile[1]

    def contract(desc, frame):
        arena = frame[ARENA]
        x, y, residual = arena + desc[X], arena + desc[Y], arena + desc[RESIDUAL]
        tiles, positions, runs = i64_at(desc[TILES]), i64_at(desc[POSITIONS]), i64_at(desc[RUNS])
        for first_tile in range(0, desc[TILE_COUNT], desc[TILE_GROUP]):
            end_tile = min(first_tile + desc[TILE_GROUP], desc[TILE_COUNT])
            for block in range(frame[BLOCKS]):
                for p in range(desc[POSITION_COUNT]):
                    for t in range(first_tile, end_tile):
                        x_at = block * desc[X_BLOCK] + positions[position_words * p] + tiles[tile_words * t]
                        y_at = block * desc[Y_BLOCK] + positions[position_words * p + 3] + tiles[tile_words * t + 2] * B
                        for lane in range(0, B, images_at_once):
                            tile(
                                f32_at(x + (x_at + lane) * F32_BYTES),
                                f32_at(desc[WEIGHTS] + tiles[tile_words * t + 1] * F32_BYTES),
                                runs,
                                positions[position_words * p + 1],
                                positions[position_words * p + 2],
                                f32_at(desc[BIAS] + tiles[tile_words * t + 2] * F32_BYTES),
                                f32_at(residual + (y_at + lane) * F32_BYTES),
                                f32_at(y + (y_at + lane) * F32_BYTES),
                                f32_at(desc[COEFFICIENTS] + tiles[tile_words * t + 2] * F32_BYTES),
                                *second(desc, frame, block, p, t, lane),
                            )

    return contract
