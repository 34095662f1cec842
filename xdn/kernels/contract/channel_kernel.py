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

from collections.abc import Iterator, Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import POINTER, WORDS, Kind, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import REAL, S64, Element
from xdn.kernels.contract.kernel import Contract, add_channels, add_runs, storing, tile_function
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size, Table
from xdn.kernels.core.epilogue import PROJECTION, store_channels
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.portion import portion


class PanelRow(Descriptor):
    """Vectors of filters: x offset of their group, where their weights for both sources begin, the first's number."""

    x, weights, channel, weights2 = Size(), Size(), Size(), Size()


class ChannelContract(Contract):
    """What the contraction of the channel schedule is told.

    tiles
        As `class_tiles` gives them: rows of (first run, end of runs, MR x offsets, MR y offsets), with two sources also
        (first run, end of runs, MR x offsets) of the second; offsets in f32.
    tile_words
        Of a row of `tiles`.
    panels_inner
        Not 0: all panels of a tile follow each other; 0: all tiles of a panel do, so that its weights stay in cache.
    own_tiles
        Not 0: of several threads each has tiles of its own, where these follow each other, too; 0: panels.
    """

    tiles, tile_count, tile_words = Pointer(S64), Size(), Size()
    panels, panel_count, panels_inner, own_tiles = Table(PanelRow), Size(), Size(), Size()


def _source_kinds(weights: Element) -> tuple[Kind, ...]:
    """Return what a tile takes of a source: x, weights, runs."""
    return POINTER, Kind(weights, "pointer"), WORDS


#: And else: the tile's row of the table, bias, residual, y, coefficients.
_ENDS = (WORDS, POINTER, POINTER, POINTER, POINTER)


def contraction(
    tile: tuple[int, int], epilogue: tuple[str, ...], target: Target, weights: Element = REAL
) -> KernelSource:
    """Return the kernel for tiles of MR positions and panels of NV vectors.

    Parameters
    ----------
    tile : (int, int)
        MR and NV.
    epilogue : tuple of str
        ``"sum"`` or ``"projection"`` and an activation's word, each or none, in this order (`epilogue_parts`).
    target : Target
    weights : Element
        As what they are stored.
    """
    name = KernelName("channel_contract", target.name, epilogue, tile, weights=weights)
    return kernel_source(name, lambda: _body(name), storing(ChannelContract, weights))


def contract_positions(
    b: VectorBuilder,
    x: Sequence[ir.Value],
    weights: ir.Value,
    channels: ir.Value,
    acc: list[ir.Value],
    stored: Element = REAL,
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
    stored : Element
        As what the weights are stored.
    """
    vectors = len(acc) // len(x)

    def of_channel(c: ir.Value) -> tuple[list[ir.Value], Iterator[ir.Value]]:
        w = b.offset(weights, b.ir.mul(c, b.const(vectors * b.target.lanes)))
        return [b.load_stored(w, v, stored) for v in range(vectors)], (b.scalar(position, c) for position in x)

    return add_channels(b, channels, acc, of_channel)


def _emit_tile(b: VectorBuilder, sources: list[Sequence[ir.Value]], ends: Sequence[ir.Value], name: KernelName) -> None:
    assert name.tile is not None
    (rows, vectors), (table, bias, residual, y, at) = name.tile, ends
    acc = [b.load(bias, v) for v in range(vectors)] * rows
    # The second source's words follow those of the first and of y.
    for source, first_word in zip(sources, (0, 2 + 2 * rows), strict=False):
        acc = _add_source(b, source, b.offset(table, first_word), acc, name)
    offsets = [b.scalar(table, 2 + rows + r) for r in range(rows)]
    tile = [acc[r * vectors : (r + 1) * vectors] for r in range(rows)]
    store_channels(b, tile, offsets, name.epilogue, residual, y, at)


def _add_source(
    b: VectorBuilder, source: Sequence[ir.Value], table: ir.Value, acc: list[ir.Value], name: KernelName
) -> list[ir.Value]:
    """Emit the loops over runs and channels of a source; return the accumulators after it."""
    assert name.tile is not None
    (x, weights, runs), (rows, vectors) = source, name.tile
    origins = [b.offset(x, b.scalar(table, 2 + r)) for r in range(rows)]

    def one_run(offset: ir.Value, channel: ir.Value, channels: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        run_w = b.offset(weights, b.ir.mul(channel, b.const(vectors * b.target.lanes)))
        run_x = [b.offset(origin, offset) for origin in origins]
        return contract_positions(b, run_x, run_w, channels, acc, name.weights)

    return add_runs(b, runs, (b.scalar(table, 0), b.scalar(table, 1)), acc, one_run)


@inlined
def no_second_of_panel(d, frame, block, panel):
    """Return what a tile takes of a second source where there is none."""
    return ()


@inlined
def second_of_panel(d, frame, block, panel):
    """Return the second source of a panel, as `_source_kinds`."""
    return at_element(frame, d.x2, block * d.x2_block), moved(d.weights2, panel.weights2), d.runs2


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    assert name.tile is not None
    tile = tile_function(name, _source_kinds(name.weights), _ENDS, _emit_tile)
    second = second_of_panel if PROJECTION in name.epilogue else no_second_of_panel

    def contract(d, frame):
        panel_count, tile_count, inner = d.panel_count, d.tile_count, d.panels_inner != 0
        # Tiles of all images of the chunk; two counters walk over them and the panels. The thread has a panel's tiles
        # from `first_t` on before `end_t`; one less at the begin of the panels before `first_p`, one more at the end
        # of those before `end_p`.
        all_tiles = tile_count * frame.blocks
        first, end = portion(frame, panel_count * all_tiles)
        p, t = divmod(first, all_tiles)
        first_t, first_p, end_t, end_p = 0, 0, all_tiles, 0
        if inner or d.own_tiles != 0:
            (first_t, first_p), (end_t, end_p) = divmod(first, panel_count), divmod(end, panel_count)
            t, p = (first_t, first_p) if inner else (first_t + (first_p > 0), 0)
        for _ in range(first, end):
            while not inner and t >= end_t + (p < end_p):
                p += 1
                t = first_t + (p < first_p)
            block, panel = t // tile_count, d.panels[p]
            y = block * d.y_block + panel.channel
            tile(
                at_element(frame, d.x, block * d.x_block + panel.x),
                moved(d.weights, panel.weights),
                d.runs,
                moved(d.tiles, (t - block * tile_count) * d.tile_words),
                moved(d.bias, panel.channel),
                at_element(frame, d.residual, y),
                at_element(frame, d.y, y),
                moved(d.coefficients, panel.channel),
                *second(d, frame, block, panel),
            )
            if inner:
                p += 1
                if p == panel_count:
                    p, t = 0, t + 1
            else:
                t += 1

    return contract
