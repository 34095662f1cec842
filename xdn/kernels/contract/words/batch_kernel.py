"""The contraction of integers and of bf16 in the batch schedule: scalars are weights, vectors are images.

For a block of images, an output position and MR filters (a tile)::

    acc[r][v] = bias[r]                                    r < MR rows, v < NV vectors of images, in s32 or f32
    for run in runs(position):                             neighbouring taps, only those that meet data
        for c in range(words of channels of run):
            acc[r][v] += w[run][c][r] . x[run][c][v]       four products in each lane, of bf16 two
    the same over a second x, with sums of its own; of bf16 on the same sums
    y[r][v] = end(acc[r][v])                               `end.py`

A lane of x holds a word of an image, four channels, of bf16 two, which are loaded as they lie; a lane of w the same
channels' weights of a filter, in all lanes the same. Where tops or residuals have so few bits, as many filters are a
word in each lane, too. Weights are packed ``[tile][tap][word][MR]``; offsets in x are elements, in w words. Where
``vpmaddubsw`` multiplies they say themselves where their words of x are (`twos.py`), and runs are of taps.
"""

from collections.abc import Sequence

from llvmlite import ir

from xdn.codegen.dots import DOTS, Dots
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, WORDS, Kind, inlined
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import NATIVE, PLAIN, TWOS, Target
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, S32, U8, Element
from xdn.kernels.contract.batch_kernel import no_second
from xdn.kernels.contract.kernel import add_runs
from xdn.kernels.contract.words.end import scaled_images, store_images
from xdn.kernels.contract.words.form import Ends, Form, WordContract, tile_function
from xdn.kernels.contract.words.twos import word_size
from xdn.kernels.core.descriptor import Descriptor, Size, Table
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH

#: Filters of a tile at most, where 32 registers hold their sums, and where fewer do: whole words of a top.
_MOST_ROWS, _FEW_ROWS = 12, 4


def most_rows(target: Target, x: Element = U8, sources: int = 1) -> int:
    """Return the filters of a register tile, whole words of these; plain products have many operands.

    Two sources of integers have sums of their own. The instruction for bf16 needs no more registers than one for f32.
    """
    if x == BF16 and target.pairs == NATIVE:
        return target.tile()[0]
    held = target.registers >= 32 and (x == BF16 or (sources == 1 and target.dots != PLAIN))
    return _MOST_ROWS if held else _FEW_ROWS


class PositionRow(Descriptor):
    """An output position: x offset of its window, first run, end of runs, offsets of y and residual, row of biases.

    Of a second source x offset, first run, end of runs and row of biases.
    """

    x, first, end, y, residual, bias, x2, first2, end2, bias2 = (Size() for _ in range(10))


class TileRow(Descriptor):
    """Filters: x offset of the first channels that they read, where their weights begin, the first one's number."""

    x, weights, channel, x2, weights2 = (Size() for _ in range(5))


class WordBatch(WordContract):
    """What the contraction of the batch schedule is told.

    tile_group
        Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
    """

    tiles, tile_count, tile_group = Table(TileRow), Size(), Size()
    positions, position_count = Table(PositionRow), Size()


def _source_kinds(x: Element) -> tuple[Kind, ...]:
    """Return what a tile takes of a source: x, weights, runs, first run, end of runs."""
    return Kind(x, "pointer"), Kind(S32, "pointer"), WORDS, I64, I64


def contraction(rows: int, form: Form, target: Target) -> KernelSource:
    """Return the kernel for tiles of `rows` filters."""
    name = form.name(BATCH, target, (rows, target.tile()[1]))
    return kernel_source(name, lambda: _body(form, rows, target), form.declared(WordBatch))


def add_word(
    b: WordBuilder, dots: Dots, x: Sequence[Sequence[ir.Value]], weights: ir.Value, acc: Sequence[ir.Value]
) -> list[ir.Value]:
    """Return the accumulators, row by row, with the products of one word of channels added.

    Parameters
    ----------
    b : WordBuilder
    dots : Dots
    x : sequence of operands
        Of each vector, as `Dots.operand` gives them.
    weights : pointer to i32
        Each row's words.
    acc : vectors
    """
    result: list[ir.Value] = []
    for r in range(len(acc) // len(x)):
        words = [b.broadcast(b.scalar(weights, r * dots.words + word)) for word in range(dots.words)]
        result += [dots.multiply(acc[len(result) + v], each, words) for v, each in enumerate(x)]
    return result


def _add_source(
    b: WordBuilder, source: Sequence[ir.Value], rows: int, acc: list[ir.Value], x: Element, dots_name: str
) -> list[ir.Value]:
    """Emit the loops over runs and channels of a source; return the accumulators after it."""
    if dots_name == TWOS:
        return _add_twos(b, source, rows, acc, x)
    pointer, weights, runs, first, end = source
    dots, vectors, images = DOTS[dots_name](b), b.target.tile()[1], b.target.block_images

    def one_run(offset: ir.Value, channel: ir.Value, channels: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        run_w = b.offset(weights, b.ir.mul(channel, b.const(rows * dots.words)))
        run_x = b.offset(pointer, offset)

        def one_word(c: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
            x_c = b.offset(run_x, b.ir.mul(c, b.const(images * x.interleave)))
            w_c = b.offset(run_w, b.ir.mul(c, b.const(rows * dots.words)))
            return add_word(b, dots, [dots.operand(b.load_words(x_c, v), x) for v in range(vectors)], w_c, acc)

        return b.loop(b.const(0), channels, acc, one_word)

    return add_runs(b, runs, (first, end), acc, one_run)


def _add_twos(b: WordBuilder, source: Sequence[ir.Value], rows: int, acc: list[ir.Value], x: Element) -> list[ir.Value]:
    """Emit the loops over runs of taps, whose weights say where their words of x are: first in twos, then alone."""
    pointer, weights, runs, first, end = source
    dots, vectors = DOTS[TWOS](b), b.target.tile()[1]

    def number_at(place: ir.Value, number: ir.Value | int) -> ir.Value:
        return b.ir.sext(b.scalar(place, number), I64.llvm)

    def add(count: int, span: tuple[ir.Value, ir.Value], acc: list[ir.Value]) -> list[ir.Value]:
        """Add `count` words at a time, of the numbers of a span."""

        def some(number: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
            own = b.offset(weights, b.ir.mul(number, b.const(count * word_size(rows))))
            places = [b.offset(pointer, number_at(own, word)) for word in range(count)]
            operands = [[dots.operand(b.load_words(at, v), x)[0] for at in places] for v in range(vectors)]
            result: list[ir.Value] = []
            for r in range(1, rows + 1):
                factors = [b.broadcast(b.scalar(own, r * count + word)) for word in range(count)]
                result += [dots.multiply(acc[len(result) + v], each, factors) for v, each in enumerate(operands)]
            return result

        return b.loop(*span, acc, some)

    def one_run(ones: ir.Value, tap: ir.Value, taps: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        for count, numbers in ((2, weights), (1, b.offset(weights, ones))):
            acc = add(count, (number_at(numbers, tap), number_at(numbers, b.ir.add(tap, taps))), acc)
        return acc

    return add_runs(b, runs, (first, end), acc, one_run)


def _emit_tile(b: WordBuilder, sources: list[Sequence[ir.Value]], ends: Ends, form: Form, rows: int) -> None:
    found: list[list[ir.Value]] = []
    for source, x, bias, at in zip(sources, form.read, ends.biases, ends.multipliers, strict=False):
        if form.scaled or not found:
            acc = [b.broadcast(b.scalar(bias, r)) for r in range(rows) for _ in range(b.target.tile()[1])]
        acc = _add_source(b, source, rows, acc, x, form.dots)
        found = [*found, scaled_images(b, acc, at)] if form.scaled else [acc]
    store_images(b, found, ends, form)


@inlined
def _second(d, frame, block, position, part):
    """Return the second source of a tile at a position, as `_source_kinds`."""
    x = at_element(frame, d.x2, block * d.x2_block + position.x2 + part.x2)
    return x, moved(d.weights2, part.weights2), d.runs2, position.first2, position.end2


def _body(form: Form, rows: int, target: Target) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""

    def emit(b, sources, more, ends):
        _emit_tile(b, sources, ends, form, rows)

    tile = tile_function(form, target, _source_kinds, (), emit)
    second = no_second if form.second is None else _second
    images = target.block_images

    def contract(d, frame):
        for first_tile in range(0, d.tile_count, d.tile_group):
            end_tile = min(first_tile + d.tile_group, d.tile_count)
            for block in range(frame.blocks):
                for p in range(d.position_count):
                    position = d.positions[p]
                    for t in range(first_tile, end_tile):
                        part = d.tiles[t]
                        row = part.channel * images
                        tile(
                            at_element(frame, d.x, block * d.x_block + position.x + part.x),
                            moved(d.weights, part.weights),
                            d.runs,
                            position.first,
                            position.end,
                            moved(d.bias, position.bias + part.channel),
                            moved(d.multipliers, part.channel),
                            moved(d.bias2, position.bias2 + part.channel),
                            moved(d.multipliers2, part.channel),
                            at_element(frame, d.residual, block * d.residual_block + position.residual + row),
                            at_element(frame, d.y, block * d.y_block + position.y + row),
                            moved(d.coefficients, part.channel),
                            d.residual_scale,
                            d.inverse,
                            *second(d, frame, block, position, part),
                        )

    return contract
