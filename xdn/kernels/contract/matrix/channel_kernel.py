"""The contraction by the tile unit in the channel schedule: rows are positions, columns are filters.

For 16 or 32 output positions, as far apart in x as `row_stride` says, and 16 or 32 filters (a panel)::

    c = sums of the products of x (rows) and w (columns)   `xdn/kernels/contract/matrix/kernel.py`
    for span in spans(tile):                               rows whose outputs are neighbours, in x and in y
        for r in span:
            y[r] = f(c[r] + bias + residual[r], coefficient)            the only store of a result

What lies between the rows of a map is computed like its positions, and belongs to no span.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, WORDS, Kind, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.codegen.tiles import NUMBERS, ROW_BYTES, ROWS
from xdn.element import BF16, S64
from xdn.kernels.contract.batch_kernel import no_second
from xdn.kernels.contract.kernel import tile_function
from xdn.kernels.contract.matrix.kernel import (
    Contracting,
    Matrix,
    Multiplication,
    Operands,
    Side,
    emit_sums,
    unit_functions,
)
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size, Table
from xdn.kernels.core.epilogue import PROJECTION, store_channels
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion


class PanelRow(Descriptor):
    """Filters: where their weights for both sources begin, the first one's number."""

    weights, channel, weights2 = Size(), Size(), Size()


class TileRow(Descriptor):
    """Positions: where the first one begins in both sources, and which spans are theirs."""

    x, x2, first, end = Size(), Size(), Size(), Size()


class SpanRow(Descriptor):
    """Rows of a tile from `first` on, before `end`: where the first one's results lie in y."""

    first, end, y = Size(), Size(), Size()


class ChannelMatrix(Matrix):
    """What the contraction of the channel schedule is told.

    step_count
        All tiles take all steps: padding holds zeros.
    spans
        Table of `SpanRow`.
    row_stride, y_pitch
        Numbers of x from one row of a tile to the next, and of y from one position to the next.
    step_count2, row_stride2
        Of the second source.
    panels_inner
        Not 0: all panels of a tile follow each other; 0: all tiles of a panel do, so that its weights stay in cache.
    """

    step_count, spans = Size(), Pointer(S64)
    tiles, tile_count = Table(TileRow), Size()
    panels, panel_count, panels_inner = Table(PanelRow), Size(), Size()
    row_stride, y_pitch, step_count2, row_stride2 = (Size() for _ in range(4))


def channel_matrix(how: Contracting, tile: tuple[int, int], epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel whose tiles have so many registers of positions and of filters, one or two each."""
    name = how.name(CHANNEL, target, epilogue, tile)
    return kernel_source(name, lambda: _body(name), ChannelMatrix)


#: What a tile takes of a source: x, weights, steps, how many, the numbers from one row to the next; and of the ends of
#: its sums: spans, the first, the end, the pitch of y, bias, residual, y, coefficients.
_SOURCE = Kind(BF16, "pointer"), Kind(BF16, "pointer"), WORDS, I64, I64
_ENDS = WORDS, I64, I64, I64, POINTER, POINTER, POINTER, POINTER


def _operands(b: VectorBuilder, source: Sequence[ir.Value], columns: int) -> Operands:
    x, weights, steps, count, stride = source
    tile = ROWS * NUMBERS
    positions = Side(x, b.ir.mul(stride, b.const(ROWS)), NUMBERS, b.ir.mul(stride, b.const(BF16.bytes)), 0)
    filters = Side(weights, b.const(tile), columns * tile, b.const(ROW_BYTES), 1)
    return Operands((positions, filters), steps, count)


def _emit_tile(b: VectorBuilder, sources: list[Sequence[ir.Value]], ends: Sequence[ir.Value], name: KernelName) -> None:
    assert name.tile is not None
    _, columns = name.tile
    spans, first, end, pitch, bias, residual, y, at = ends
    sums = emit_sums(b, [_operands(b, source, columns) for source in sources], Multiplication.of(name))
    begin = [b.load(bias, v) for v in range(columns)]

    def one_position(r: ir.Value, first_row: ir.Value, to_first: ir.Value) -> None:
        own = b.offset(sums, b.ir.mul(r, b.const(columns * ROWS)))
        values = [b.add(b.load(own, v), bias_v) for v, bias_v in enumerate(begin)]
        to_position = b.ir.add(to_first, b.ir.mul(b.ir.sub(r, first_row), pitch))
        store_channels(b, [values], [to_position], name.epilogue, residual, y, at)

    emit_spans(b, spans, first, end, one_position)


def emit_spans(
    b: VectorBuilder,
    spans: ir.Value,
    first: ir.Value,
    end: ir.Value,
    one_position: Callable[[ir.Value, ir.Value, ir.Value], None],
) -> None:
    """Emit the loops over the positions of some spans, of which each row of the tile that is one is told.

    Parameters
    ----------
    b : VectorBuilder
    spans : pointer
        Table of `SpanRow`.
    first, end : i64
        The first one of the tile, and the one after its last.
    one_position : callable
        (row of the tile, first row of its span, where the results of that one lie) -> None.
    """

    def one_span(number: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        row = b.offset(spans, b.ir.mul(number, b.const(SpanRow.size)))
        first_row, end_row, to_first = (b.scalar(row, word) for word in range(SpanRow.size))

        def one_row(r: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            one_position(r, first_row, to_first)
            return carried

        return b.loop(first_row, end_row, carried, one_row)

    b.loop(first, end, [], one_span)


@inlined
def _second(d, frame, block, panel, part):
    """Return the second source of a panel and a tile, as `_SOURCE`."""
    x = at_element(frame, d.x2, block * d.x2_block + part.x2)
    return x, moved(d.weights2, panel.weights2), d.steps2, d.step_count2, d.row_stride2


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = tile_function(name, _SOURCE, _ENDS, _emit_tile)
    begin, end = unit_functions(target_named(name.isa))
    second = _second if PROJECTION in name.epilogue else no_second

    def contract(d, frame):
        begin()
        panel_count, tile_count, inner = d.panel_count, d.tile_count, d.panels_inner != 0
        all_tiles = tile_count * frame.blocks
        first, last = portion(frame, panel_count * all_tiles)
        for number in range(first, last):
            t = number // panel_count if inner else number % all_tiles
            p = number % panel_count if inner else number // all_tiles
            block, panel = t // tile_count, d.panels[p]
            part = d.tiles[t - block * tile_count]
            y = block * d.y_block + panel.channel
            tile(
                at_element(frame, d.x, block * d.x_block + part.x),
                moved(d.weights, panel.weights),
                d.steps,
                d.step_count,
                d.row_stride,
                d.spans,
                part.first,
                part.end,
                d.y_pitch,
                moved(d.bias, panel.channel),
                at_element(frame, d.residual, y),
                at_element(frame, d.y, y),
                moved(d.coefficients, panel.channel),
                *second(d, frame, block, panel, part),
            )
        end()

    return contract
