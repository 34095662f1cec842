"""The contraction of blobs by the tile unit in the channel schedule: rows are positions, columns are filters.

For 16 or 32 output positions, as far apart in x as `row_stride` says, and 16 or 32 filters (a panel)::

    c = sums of the products of x (rows) and w (columns)   `xdn/kernels/contract/matrix/kernel.py`
    the same over a second x, of integers with sums of its own
    for span in spans(tile):                               rows whose outputs are neighbours, in x and in y
        for r in span:
            y[r] = end(c[r] + bias)                        `xdn/kernels/contract/words/end.py`
"""

from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, Kind, inlined
from xdn.codegen.jit import WORDS as TABLE
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.codegen.tiles import ROW_BYTES, ROWS
from xdn.codegen.words import WordBuilder
from xdn.element import S32, S64, Element
from xdn.kernels.contract.batch_kernel import no_second
from xdn.kernels.contract.matrix.blobs.sums import begun, sums_of_sources, tiled
from xdn.kernels.contract.matrix.channel_kernel import PanelRow, TileRow, emit_spans
from xdn.kernels.contract.matrix.kernel import Multiplication, Operands, Side, unit_functions
from xdn.kernels.contract.words.end import added_channels, scaled_channels, store_channels
from xdn.kernels.contract.words.form import Ends, Form, WordContract, tile_function
from xdn.kernels.core.descriptor import Pointer, Size, Table
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion


class BlobChannel(WordContract):
    """What the contraction of the channel schedule is told; steps (`StepRow`) stand in place of runs.

    step_count
        All tiles take all steps: padding holds zeros.
    spans
        Table of `SpanRow`, which tell the number of a result.
    row_stride
        Numbers of x from one row of a tile to the next.
    y_pitch, residual_pitch
        Numbers from one position to the next.
    step_count2, row_stride2
        Of the second source.
    panels_inner
        Not 0: all panels of a tile follow each other; 0: all tiles of a panel do, so that its weights stay in cache.
    """

    step_count, spans = Size(), Pointer(S64)
    tiles, tile_count = Table(TileRow), Size()
    panels, panel_count, panels_inner = Table(PanelRow), Size(), Size()
    row_stride, y_pitch, residual_pitch, step_count2, row_stride2 = (Size() for _ in range(5))


def contraction(tile: tuple[int, int], depth: int, form: Form, target: Target) -> KernelSource:
    """Return the kernel whose tiles have so many registers of positions and of filters, one or two each.

    Its steps have `depth` words.
    """
    name = tiled(form, depth).name(CHANNEL, target, tile, "tiles")
    how = Multiplication(*tile, depth=depth)
    return kernel_source(name, lambda: _body(form, how, target), form.declared(BlobChannel))


#: What a tile takes beside sources and ends: spans, the first, the end, the pitches of y and of the residual.
_WALK = TABLE, I64, I64, I64, I64


def _source_kinds(x: Element) -> tuple[Kind, ...]:
    """Return what a tile takes of a source: x, weights, steps, how many, the numbers from one row to the next."""
    return Kind(x, "pointer"), Kind(S32, "pointer"), TABLE, I64, I64


def _operands(b: WordBuilder, source: Sequence[ir.Value], x: Element, depth: int) -> Operands:
    pointer, weights, steps, count, stride = source
    positions = Side(pointer, b.ir.mul(stride, b.const(ROWS)), 0, b.ir.mul(stride, b.const(x.bytes)), 0)
    filters = Side(weights, b.const(ROWS * depth), 0, b.const(ROW_BYTES), 1)
    return Operands((positions, filters), steps, count)


def _emit_tile(
    b: WordBuilder,
    sources: Sequence[Sequence[ir.Value]],
    walk: Sequence[ir.Value],
    ends: Ends,
    form: Form,
    how: Multiplication,
) -> None:
    columns, (spans, first, end, y_pitch, residual_pitch) = how.columns, walk
    operands = [_operands(b, source, x, how.depth) for source, x in zip(sources, form.read, strict=True)]
    sums = sums_of_sources(b, operands, form, lambda x: replace(how, elements=(x, form.weights)))
    biases = [b.ir.bitcast(bias, POINTER.llvm) for bias in ends.biases]

    def one_position(r: ir.Value, first_row: ir.Value, first_result: ir.Value) -> None:
        found = []
        for place, bias, at in zip(sums, biases, ends.multipliers, strict=False):
            own = b.offset(place, b.ir.mul(r, b.const(columns * ROWS)))
            acc, begin = ([b.load(each, v) for v in range(columns)] for each in (own, bias))
            row = [begun(b, acc, begin, form)]
            found.append(scaled_channels(b, row, at) if form.scaled else row)
        result = b.ir.add(first_result, b.ir.sub(r, first_row))
        places, residuals = ([b.ir.mul(result, pitch)] for pitch in (y_pitch, residual_pitch))
        store_channels(b, added_channels(b, found), places, residuals, ends, form)

    emit_spans(b, spans, first, end, one_position)


@inlined
def _second(d, frame, block, panel, part):
    """Return the second source of a panel and a tile, as `_source_kinds`."""
    x = at_element(frame, d.x2, block * d.x2_block + part.x2)
    return x, moved(d.weights2, panel.weights2), d.runs2, d.step_count2, d.row_stride2


def _body(form: Form, how: Multiplication, target: Target) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""

    def emit(b, sources, more, ends):
        _emit_tile(b, sources, more, ends, form, how)

    tile = tile_function(form, target, _source_kinds, _WALK, emit)
    second = no_second if form.second is None else _second
    begin, end = unit_functions(target, how.depth)

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
            tile(
                at_element(frame, d.x, block * d.x_block + part.x),
                moved(d.weights, panel.weights),
                d.runs,
                d.step_count,
                d.row_stride,
                d.spans,
                part.first,
                part.end,
                d.y_pitch,
                d.residual_pitch,
                moved(d.bias, panel.channel),
                moved(d.multipliers, panel.channel),
                moved(d.bias2, panel.channel),
                moved(d.multipliers2, panel.channel),
                at_element(frame, d.residual, block * d.residual_block + panel.channel),
                at_element(frame, d.y, block * d.y_block + panel.channel),
                moved(d.coefficients, panel.channel),
                d.residual_scale,
                d.inverse,
                *second(d, frame, block, panel, part),
            )
        end()

    return contract
