"""The contraction of blobs by the tile unit in the batch schedule: rows are filters, columns the images of a block.

For a block of images, an output position and 16 or 32 filters::

    c = sums of the products of w (rows) and x (columns)   `xdn/kernels/contract/matrix/kernel.py`
    the same over a second x, of integers with sums of its own
    for word in words of filters:
        y[word] = end(c[word] + bias[word])                `xdn/kernels/contract/words/end.py`

A word of channels of all images of a block is a row of x, as the blob has it.
"""

from collections.abc import Sequence
from dataclasses import replace

from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, Kind, inlined
from xdn.codegen.jit import WORDS as TABLE
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.codegen.tiles import ROWS
from xdn.codegen.words import WordBuilder
from xdn.element import S32, Element
from xdn.kernels.contract.batch_kernel import no_second
from xdn.kernels.contract.matrix.batch_kernel import STEP_WORDS, FilterRow
from xdn.kernels.contract.matrix.blobs.sums import begun, sums_of_sources, tiled
from xdn.kernels.contract.matrix.kernel import Multiplication, Operands, Side, unit_functions
from xdn.kernels.contract.words.batch_kernel import PositionRow
from xdn.kernels.contract.words.end import scaled_images, store_images
from xdn.kernels.contract.words.form import Ends, Form, WordContract, tile_function
from xdn.kernels.core.descriptor import Size, Table
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH


class BlobBatch(WordContract):
    """What the contraction of the batch schedule is told; steps (`StepRow`) stand in place of runs.

    tile_group
        Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
    """

    tiles, tile_count, tile_group = Table(FilterRow), Size(), Size()
    positions, position_count = Table(PositionRow), Size()


def contraction(registers: int, depth: int, form: Form, target: Target) -> KernelSource:
    """Return the kernel whose tiles have so many registers of filters, one or two, and whose steps so many words."""
    name = tiled(form, depth).name(BATCH, target, (registers, target.block_images // ROWS), "tiles")
    return kernel_source(name, lambda: _body(form, registers, depth, target), form.declared(BlobBatch))


def _source_kinds(x: Element) -> tuple[Kind, ...]:
    """Return what a tile takes of a source: x, weights, steps, how many."""
    return Kind(x, "pointer"), Kind(S32, "pointer"), TABLE, I64


def _operands(b: WordBuilder, source: Sequence[ir.Value], x: Element, depth: int) -> Operands:
    pointer, weights, steps, count = source
    images, word = b.target.block_images, S32.bytes
    rows = Side(weights, b.const(ROWS * depth), 0, b.const(depth * word), 1)
    columns = Side(pointer, b.const(ROWS * x.interleave), 0, b.const(images * word), 0)
    return Operands((rows, columns), steps, count)


def _emit_tile(
    b: WordBuilder,
    sources: Sequence[Sequence[ir.Value]],
    filters: ir.Value,
    ends: Ends,
    form: Form,
    size: tuple[int, int],
) -> None:
    (registers, depth), images, unit = size, b.target.block_images, form.together
    how = Multiplication(registers, images // ROWS, depth=depth)
    operands = [_operands(b, source, x, depth) for source, x in zip(sources, form.read, strict=True)]
    sums = sums_of_sources(b, operands, form, lambda x: replace(how, elements=(form.weights, x)))

    def one_word(number: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        first = b.ir.mul(number, b.const(unit))
        to_first = b.ir.mul(first, b.const(images))
        own, found = ends.further(b, first, to_first), []
        for place, bias, at in zip(sums, own.biases, own.multipliers, strict=False):
            row, vectors = b.offset(place, to_first), range(images // b.target.lanes)
            acc = [b.load(b.offset(row, r * images), v) for r in range(unit) for v in vectors]
            begin = [b.broadcast(b.scalar(bias, r)) for r in range(unit) for _ in vectors]
            acc = begun(b, acc, begin, form)
            found.append(scaled_images(b, acc, at) if form.scaled else acc)
        last = b.ir.sub(b.ir.sub(filters, b.const(1)), first)
        store_images(b, found, own, form, last if unit > 1 else None)
        return carried

    b.loop(b.const(0), b.ir.udiv(b.ir.add(filters, b.const(unit - 1)), b.const(unit)), [], one_word)


@inlined
def _second(d, frame, block, position, part):
    """Return the second source of a tile at a position, as `_source_kinds`."""
    x = at_element(frame, d.x2, block * d.x2_block + position.x2)
    steps = moved(d.runs2, position.first2 * STEP_WORDS)
    return x, moved(d.weights2, part.weights2), steps, position.end2 - position.first2


def _body(form: Form, registers: int, depth: int, target: Target) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""

    def emit(b, sources, more, ends):
        _emit_tile(b, sources, more[0], ends, form, (registers, depth))

    tile = tile_function(form, target, _source_kinds, (I64,), emit)
    second = no_second if form.second is None else _second
    images, (begin, end) = target.block_images, unit_functions(target, depth)

    def contract(d, frame):
        begin()
        for first_tile in range(0, d.tile_count, d.tile_group):
            end_tile = min(first_tile + d.tile_group, d.tile_count)
            for block in range(frame.blocks):
                for p in range(d.position_count):
                    position = d.positions[p]
                    for t in range(first_tile, end_tile):
                        part = d.tiles[t]
                        row = part.channel * images
                        tile(
                            at_element(frame, d.x, block * d.x_block + position.x),
                            moved(d.weights, part.weights),
                            moved(d.runs, position.first * STEP_WORDS),
                            position.end - position.first,
                            part.count,
                            moved(d.bias, part.channel),
                            moved(d.multipliers, part.channel),
                            moved(d.bias2, part.channel),
                            moved(d.multipliers2, part.channel),
                            at_element(frame, d.residual, block * d.residual_block + position.residual + row),
                            at_element(frame, d.y, block * d.y_block + position.y + row),
                            moved(d.coefficients, part.channel),
                            d.residual_scale,
                            d.inverse,
                            *second(d, frame, block, position, part),
                        )
        end()

    return contract
