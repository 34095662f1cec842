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

The scalars are weights, the vectors are images. All MR * NV accumulators stay in registers. Units: x is counted in
f32, channels times a block's images from one position to the next; w is packed ``[tile][tap][channels][MR]``, so that a
run of taps is one of channels. With two sources the sum stays one chain: the second's runs follow the first's, on the
same accumulators.
"""

from collections.abc import Iterator, Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, WORDS, Kind, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.element import REAL, Element
from xdn.kernels.contract.kernel import Contract, add_channels, add_runs, storing, tile_function
from xdn.kernels.core.descriptor import Descriptor, Size, Table
from xdn.kernels.core.epilogue import PROJECTION, store_images
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.taps import PositionRow


class ProjectedPositionRow(PositionRow):
    """An output position whose sum goes on over a second source."""

    x2, first2, end2 = Size(), Size(), Size()


class TileRow(Descriptor):
    """Filters: x offset of their group, where their weights begin, the first one's number."""

    x, weights, channel = Size(), Size(), Size()


class ProjectedTileRow(TileRow):
    """Filters that have weights for a second source, too."""

    weights2 = Size()


class BatchContract(Contract):
    """What the contraction of the batch schedule is told.

    tile_group
        Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
    """

    tiles, tile_count, tile_group = Table(TileRow), Size(), Size()
    positions, position_count = Table(PositionRow), Size()


class ProjectedBatchContract(BatchContract):
    """With a second source."""

    tiles, positions = Table(ProjectedTileRow), Table(ProjectedPositionRow)


def _source_kinds(weights: Element) -> tuple[Kind, ...]:
    """Return what a tile takes of a source: x, weights, runs, first run, end of runs."""
    return POINTER, Kind(weights, "pointer"), WORDS, I64, I64


#: And of both ends of the sum: bias, residual, y, coefficients.
_ENDS = (POINTER, POINTER, POINTER, POINTER)


def words_of(epilogue: tuple[str, ...], weights: Element = REAL) -> type[BatchContract]:
    """Return how the words of a contraction with an epilogue are declared."""
    return storing(ProjectedBatchContract if PROJECTION in epilogue else BatchContract, weights)


def contraction(rows: int, epilogue: tuple[str, ...], target: Target, weights: Element = REAL) -> KernelSource:
    """Return the kernel for tiles of `rows` output channels.

    Parameters
    ----------
    rows : int
        Output channels of a tile (MR).
    epilogue : tuple of str
        ``"sum"`` or ``"projection"`` and an activation's word, each or none, in this order (`epilogue_parts`).
    target : Target
    weights : Element
        As what they are stored.
    """
    name = KernelName("contract", target.name, epilogue, (rows, target.tile()[1]), weights=weights)
    return kernel_source(name, lambda: _body(name), words_of(epilogue, weights))


def contract_channels(
    b: VectorBuilder,
    operands: tuple[ir.Value, ir.Value, ir.Value],
    tile: tuple[int, int],
    acc: list[ir.Value],
    stored: Element = REAL,
) -> list[ir.Value]:
    """Emit the loop over channels: every row's scalar times every vector, added to `acc`, which is returned.

    Parameters
    ----------
    b : VectorBuilder
    operands : (pointer, pointer, i64)
        The vectors, a block's images a channel; the scalars, MR a channel; the number of channels.
    tile : (int, int)
        Rows and vectors.
    acc : list of vectors
        Row by row.
    stored : Element
        As what the scalars are stored.
    """
    x, weights, channels = operands
    rows, vectors = tile

    def of_channel(c: ir.Value) -> tuple[list[ir.Value], Iterator[ir.Value]]:
        x_c = b.offset(x, b.ir.mul(c, b.const(b.target.block_images)))
        w_c = b.offset(weights, b.ir.mul(c, b.const(rows)))
        return [b.load(x_c, v) for v in range(vectors)], (b.stored_scalar(w_c, r, stored) for r in range(rows))

    return add_channels(b, channels, acc, of_channel)


def _emit_tile(b: VectorBuilder, sources: list[Sequence[ir.Value]], ends: Sequence[ir.Value], name: KernelName) -> None:
    assert name.tile is not None
    (rows, vectors), (bias, residual, y, at) = name.tile, ends
    acc = [b.broadcast(b.scalar(bias, r)) for r in range(rows) for _ in range(vectors)]
    for source in sources:
        acc = _add_source(b, source, (rows, vectors), acc, name.weights)
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(rows)]
    store_images(b, tile, name.epilogue, residual, y, at)


def _add_source(
    b: VectorBuilder, source: Sequence[ir.Value], tile: tuple[int, int], acc: list[ir.Value], stored: Element
) -> list[ir.Value]:
    """Emit the loops over runs and channels of a source; return the accumulators after it."""
    x, weights, runs, first, end = source

    def one_run(offset: ir.Value, channel: ir.Value, channels: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        run_w = b.offset(weights, b.ir.mul(channel, b.const(tile[0])))
        return contract_channels(b, (b.offset(x, offset), run_w, channels), tile, acc, stored)

    return add_runs(b, runs, (first, end), acc, one_run)


# Both are inlined before LLVM sees them: with one source the machine code is what it would be without the question.


@inlined
def no_second(d, frame, block, position, part):
    """Return what a tile takes of a second source where there is none."""
    return ()


@inlined
def _second(d, frame, block, position, part):
    """Return the second source of a tile at a position, as `_source_kinds`."""
    x = at_element(frame, d.x2, block * d.x2_block + position.x2)
    return x, moved(d.weights2, part.weights2), d.runs2, position.first2, position.end2


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = tile_function(name, _source_kinds(name.weights), _ENDS, _emit_tile)
    second = _second if PROJECTION in name.epilogue else no_second
    images = target_named(name.isa).block_images

    def contract(d, frame):
        for first_tile in range(0, d.tile_count, d.tile_group):
            end_tile = min(first_tile + d.tile_group, d.tile_count)
            for block in range(frame.blocks):
                for p in range(d.position_count):
                    position = d.positions[p]
                    for t in range(first_tile, end_tile):
                        part = d.tiles[t]
                        y = block * d.y_block + position.y + part.channel * images
                        tile(
                            at_element(frame, d.x, block * d.x_block + position.x + part.x),
                            moved(d.weights, part.weights),
                            d.runs,
                            position.first,
                            position.end,
                            moved(d.bias, part.channel),
                            at_element(frame, d.residual, y),
                            at_element(frame, d.y, y),
                            moved(d.coefficients, part.channel),
                            *second(d, frame, block, position, part),
                        )

    return contract
