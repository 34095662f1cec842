"""The contraction kernel of the channel schedule: convolution and InnerProduct of one image.

For MR output positions that share a tap list (a tile) and NV vectors of output channels (a panel)::

    acc[r][v] = bias[v]                                    r < MR positions, v < NV vectors of channels
    for run in runs(tile):                                 neighbouring taps, only those that meet data
        for c in range(channels of run):
            acc[r][v] += x[r][run][c] * w[run][c][v]       one fused multiply-add
    the same over runs, weights and channels of a second x                     epilogue "projection"
    acc[r][v] += residual[r][v]                            epilogue "sum"
    acc[r][v]  = f(acc[r][v], coefficient[v])              epilogue "relu", "sigmoid", ...
    y[r][v] = acc[r][v]

The scalars are activations, the vectors are weights: `batch_kernel.py` has it the other way round. The chain of every
output is the same there and here, so both schedules agree to the bit. All MR * NV accumulators stay in registers.
Units: x and y are counted in f32; w is packed ``[panel][tap][channels][NV vectors]``. Positions of a tile need not be
neighbours; where a class of positions does not fill its last tile, the tile computes one of them again.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, VOID, WORDS, emitted, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.tiles import tile_words
from xdn.kernels.core.channel_epilogue import store_channels
from xdn.kernels.core.epilogue import PROJECTION
from xdn.kernels.core.layout import ARENA, BLOCKS, F32_BYTES
from xdn.kernels.core.portion import portion

# The descriptor.
X, Y, RESIDUAL, WEIGHTS, BIAS, COEFFICIENTS = range(6)
#: Table of panels: rows of (x offset of the group, weight offset, first output channel, the second's weight offset).
PANELS, PANEL_COUNT, PANEL_WORDS = 6, 7, 4
#: Table of tiles: rows of (first run, end of runs, MR x offsets, MR y offsets), with two sources also (first run, end
#: of runs, MR x offsets) of the second; offsets in f32.
TILES, TILE_COUNT = 8, 9
#: Table of runs: rows of (x offset from the position's, first packed channel, channels).
RUNS, X_BLOCK, Y_BLOCK = 10, 11, 12
#: Not 0: all panels of a tile follow each other; 0: all tiles of a panel do, so that its weights stay in cache.
PANELS_INNER = 13
#: The second source.
X2, WEIGHTS2, RUNS2, X2_BLOCK = range(14, 18)
WORD_COUNT = 18
#: For each source the slots of its blob, weights, runs and elements of a block.
SOURCES = ((X, WEIGHTS, RUNS, X_BLOCK), (X2, WEIGHTS2, RUNS2, X2_BLOCK))

#: What a tile takes of a source: x, weights, runs.
_SOURCE = (F32_POINTER, F32_POINTER, WORDS)
#: And else: the tile's row of the table, bias, residual, y, coefficients.
_ENDS = (WORDS, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER)


def contraction(tile: tuple[int, int], epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel for tiles of MR positions and panels of NV vectors.

    Parameters
    ----------
    tile : (int, int)
        MR and NV.
    epilogue : tuple of str
        ``"sum"`` or ``"projection"`` and an activation's word, each or none, in this order (`epilogue_parts`).
    target : Target
    """
    name = KernelName("channel_contract", target.name, epilogue, tile)
    return KernelSource(name, lambda: _body(name))


def _tile(name: KernelName) -> Callable[..., None]:
    """Return the intrinsic that computes one tile of one panel."""
    target = target_named(name.isa)

    second = _SOURCE if PROJECTION in name.epilogue else ()

    @emitted(VOID, *_SOURCE, *_ENDS, *second)
    def tile(irbuilder, *args):
        _emit_tile(VectorBuilder(irbuilder, target), args, name)

    return tile


def _emit_tile(b: VectorBuilder, args: list[ir.Value], name: KernelName) -> None:
    rows, vectors = name.tile
    ends = len(_SOURCE) + len(_ENDS)
    table, bias, residual, y, at = args[len(_SOURCE) : ends]
    # The second source's words follow those of the first and of y.
    sources = [(args[: len(_SOURCE)], 0), (args[ends:], 2 + 2 * rows)]
    start = [b.load(bias, v) for v in range(vectors)]
    acc = start * rows
    for source, words in sources:
        if source:
            acc = _emit_chain(b, source, b.offset(table, words), (rows, vectors), acc)
    places = [b.scalar(table, 2 + rows + r) for r in range(rows)]
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(rows)]
    store_channels(b, tile, places, name.epilogue, residual, y, at)


def contract_positions(
    b: VectorBuilder, x: Sequence[ir.Value], weights: ir.Value, channels: ir.Value, acc: list[ir.Value]
) -> list[ir.Value]:
    """Emit the loop over channels: every position's scalar times every vector of weights, added to `acc`.

    Parameters
    ----------
    b : VectorBuilder
    x : pointers to f32
        Each position's first channel.
    weights : pointer to f32
        NV vectors a channel.
    channels : i64
    acc : list of vectors
        Position by position; what it becomes is returned.
    """
    vectors = len(acc) // len(x)

    def one_channel(c, acc):
        w = b.offset(weights, b.ir.mul(c, b.const(vectors * b.target.lanes)))
        lanes = [b.load(w, v) for v in range(vectors)]
        result = []
        for r, position in enumerate(x):
            scalar = b.broadcast(b.scalar(position, c))
            result += [b.fma(scalar, lanes[v], acc[r * vectors + v]) for v in range(vectors)]
        return result

    return b.loop(b.const(0), channels, acc, one_channel)


def _emit_chain(
    b: VectorBuilder, source: list[ir.Value], table: ir.Value, tile: tuple[int, int], acc: list[ir.Value]
) -> list[ir.Value]:
    """Emit the loops over runs and channels of a source; return the accumulators after it."""
    x, weights, runs = source
    rows, vectors = tile
    origins = [b.offset(x, b.scalar(table, 2 + r)) for r in range(rows)]

    def one_run(number, acc):
        place, channel, channels = (b.scalar(b.offset(runs, b.ir.mul(number, b.const(3))), word) for word in range(3))
        run_w = b.offset(weights, b.ir.mul(channel, b.const(vectors * b.target.lanes)))
        run_x = [b.offset(origin, place) for origin in origins]
        return contract_positions(b, run_x, run_w, channels, acc)

    return b.loop(b.scalar(table, 0), b.scalar(table, 1), acc, one_run)


@inlined
def _no_second(desc, frame, block, panel):
    """Return what a tile takes of a second source where there is none."""
    return ()


@inlined
def _second(desc, frame, block, panel):
    """Return the second source of a panel, as `_SOURCE`."""
    return (
        f32_at(frame[ARENA] + desc[X2] + block * desc[X2_BLOCK] * F32_BYTES),
        f32_at(desc[WEIGHTS2] + i64_at(desc[PANELS])[PANEL_WORDS * panel + 3] * F32_BYTES),
        i64_at(desc[RUNS2]),
    )


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = _tile(name)
    two = PROJECTION in name.epilogue
    second, row_bytes = _second if two else _no_second, 8 * tile_words(name.tile[0], 1 + two)

    def contract(desc, frame):
        arena, panels = frame[ARENA], i64_at(desc[PANELS])
        panel_count, tile_count, inner = desc[PANEL_COUNT], desc[TILE_COUNT], desc[PANELS_INNER] != 0
        # Tiles of all images of the chunk; two counters walk over them and the panels.
        all_tiles = tile_count * frame[BLOCKS]
        first, end = portion(frame, panel_count * all_tiles)
        t = first // panel_count if inner else first % all_tiles
        p = first % panel_count if inner else first // all_tiles
        for _ in range(first, end):
            block, channel = t // tile_count, panels[PANEL_WORDS * p + 2] * F32_BYTES
            x_at = block * desc[X_BLOCK] + panels[PANEL_WORDS * p]
            y_at = block * desc[Y_BLOCK] * F32_BYTES + channel
            tile(
                f32_at(arena + desc[X] + x_at * F32_BYTES),
                f32_at(desc[WEIGHTS] + panels[PANEL_WORDS * p + 1] * F32_BYTES),
                i64_at(desc[RUNS]),
                i64_at(desc[TILES] + (t - block * tile_count) * row_bytes),
                f32_at(desc[BIAS] + channel),
                f32_at(arena + desc[RESIDUAL] + y_at),
                f32_at(arena + desc[Y] + y_at),
                f32_at(desc[COEFFICIENTS] + channel),
                *second(desc, frame, block, p),
            )
            if inner:
                p += 1
                if p == panel_count:
                    p, t = 0, t + 1
            else:
                t += 1
                if t == all_tiles:
                    t, p = 0, p + 1

    return contract
