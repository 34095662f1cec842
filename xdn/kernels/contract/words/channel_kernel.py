"""The contraction of integers and of bf16 in the channel schedule: scalars are activations, vectors are filters.

For MR output positions that share a tap list (a tile) and NV vectors of filters (a panel)::

    acc[r][v] = bias[v]                                    r < MR positions, v < NV vectors of filters, in s32 or f32
    for run in runs(tile):                                 neighbouring taps, only those that meet data
        for c in range(words of channels of run):
            acc[r][v] += x[r][run][c] . w[run][c][v]       four products in each lane, of bf16 two
    the same over a second x, with sums of its own; of bf16 on the same sums
    y[r][v] = end(acc[r][v])                               `end.py`

A lane of w holds a filter's weights of a word: four channels, of bf16 two; a word of a position is loaded into all
lanes. Weights are packed ``[panel][tap][word][NV vectors]``.
"""

from collections.abc import Sequence
from itertools import chain

from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.dots import DOTS
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import WORDS, Kind
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.codegen.words import WordBuilder
from xdn.element import S8, S32, S64, Element
from xdn.kernels.contract.channel_kernel import PanelRow, no_second_of_panel, second_of_panel
from xdn.kernels.contract.kernel import add_runs
from xdn.kernels.contract.tiles import tile_words
from xdn.kernels.contract.words.end import added_channels, scaled_channels, store_channels
from xdn.kernels.contract.words.form import Ends, Form, WordContract, tile_function
from xdn.kernels.core.descriptor import Pointer, Size, Table
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.portion import portion


class WordChannel(WordContract):
    """What the contraction of the channel schedule is told.

    tiles
        Rows as `class_tiles` gives them, then where the biases of each source begin, and MR offsets of the residual.
    tile_words
        Of a row of `tiles`.
    panels_inner
        Not 0: all panels of a tile follow each other; 0: all tiles of a panel do, so that its weights stay in cache.
    """

    tiles, tile_count, tile_words = Pointer(S64), Size(), Size()
    panels, panel_count, panels_inner = Table(PanelRow), Size(), Size()


def _source_kinds(x: Element) -> tuple[Kind, ...]:
    """Return what a tile takes of a source: x, weights, runs."""
    return Kind(x, "pointer"), Kind(S32, "pointer"), WORDS


def contraction(tile: tuple[int, int], form: Form, target: Target) -> KernelSource:
    """Return the kernel for tiles of MR positions and panels of NV vectors."""
    name = form.name(CHANNEL, target, tile)
    return kernel_source(name, lambda: _body(form, tile, target), form.declared(WordChannel))


def _add_source(
    b: WordBuilder, source: Sequence[ir.Value], table: ir.Value, acc: list[list[ir.Value]], x: Element, way: str
) -> list[list[ir.Value]]:
    """Emit the loops over runs and channels of a source; return the accumulators after it, position by position.

    Its words of the tile's row are at `table`; `way` is how the target multiplies.
    """
    (pointer, weights, runs), dots, vectors = source, DOTS[way](b), len(acc[0])
    origins = [b.offset(pointer, b.scalar(table, 2 + r)) for r in range(len(acc))]
    step = b.const(vectors * b.target.lanes * dots.words)

    def one_run(offset: ir.Value, channel: ir.Value, channels: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        run_w = b.offset(weights, b.ir.mul(channel, step))
        run_x = [b.ir.bitcast(b.offset(origin, offset), I32.as_pointer()) for origin in origins]

        def one_word(c: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
            w_c = b.ir.bitcast(b.offset(run_w, b.ir.mul(c, step)), Kind(S8, "pointer").llvm)
            loaded = [b.load_words(w_c, number) for number in range(vectors * dots.words)]
            panel = [loaded[v * dots.words : (v + 1) * dots.words] for v in range(vectors)]
            result: list[ir.Value] = []
            for row in run_x:
                operand = dots.spread(b.scalar(row, c), x)
                result += [dots.multiply(acc[len(result) + v], operand, words) for v, words in enumerate(panel)]
            return result

        return b.loop(b.const(0), channels, acc, one_word)

    flat = add_runs(b, runs, (b.scalar(table, 0), b.scalar(table, 1)), [*chain.from_iterable(acc)], one_run)
    return [flat[r * vectors : (r + 1) * vectors] for r in range(len(acc))]


def _first_sums(b: WordBuilder, form: Form, bias: ir.Value, vectors: int) -> list[ir.Value]:
    """Return what the sums of a position begin with."""
    if not form.scaled:
        return [b.load(bias, v) for v in range(vectors)]
    begin = b.ir.bitcast(bias, Kind(S8, "pointer").llvm)
    return [b.load_words(begin, v) for v in range(vectors)]


def _emit_tile(
    b: WordBuilder,
    sources: Sequence[Sequence[ir.Value]],
    table: ir.Value,
    ends: Ends,
    form: Form,
    tile: tuple[int, int],
) -> None:
    rows, vectors = tile
    # After the words of all sources stand the places of their biases, then those of the residual.
    last = tile_words(rows, len(sources))
    found: list[list[list[ir.Value]]] = []
    for number, (source, x) in enumerate(zip(sources, form.read, strict=True)):
        if form.scaled or not found:
            bias = b.offset(ends.biases[number], b.scalar(table, last + number))
            acc = [_first_sums(b, form, bias, vectors)] * rows
        # The second source's words follow those of the first and of y.
        own = b.offset(table, number * (2 + 2 * rows))
        acc = _add_source(b, source, own, acc, x, form.dots)
        found = [*found, scaled_channels(b, acc, ends.multipliers[number])] if form.scaled else [acc]
    values = added_channels(b, found)
    places = [b.scalar(table, 2 + rows + r) for r in range(rows)]
    residuals = [b.scalar(table, last + 2 + r) for r in range(rows)] if form.residual else []
    store_channels(b, values, places, residuals, ends, form)


def _body(form: Form, tile: tuple[int, int], target: Target) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""

    def emit(b, sources, more, ends):
        _emit_tile(b, sources, more[0], ends, form, tile)

    one = tile_function(form, target, _source_kinds, (WORDS,), emit)
    second = no_second_of_panel if form.second is None else second_of_panel

    def contract(d, frame):
        panel_count, tile_count, inner = d.panel_count, d.tile_count, d.panels_inner != 0
        # Tiles of all images of the chunk; two counters walk over them and the panels.
        all_tiles = tile_count * frame.blocks
        first, end = portion(frame, panel_count * all_tiles)
        t = first // panel_count if inner else first % all_tiles
        p = first % panel_count if inner else first // all_tiles
        for _ in range(first, end):
            block, panel = t // tile_count, d.panels[p]
            one(
                at_element(frame, d.x, block * d.x_block + panel.x),
                moved(d.weights, panel.weights),
                d.runs,
                moved(d.tiles, (t - block * tile_count) * d.tile_words),
                moved(d.bias, panel.channel),
                moved(d.multipliers, panel.channel),
                moved(d.bias2, panel.channel),
                moved(d.multipliers2, panel.channel),
                at_element(frame, d.residual, block * d.residual_block + panel.channel),
                at_element(frame, d.y, block * d.y_block + panel.channel),
                moved(d.coefficients, panel.channel),
                d.residual_scale,
                d.inverse,
                *second(d, frame, block, panel),
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
