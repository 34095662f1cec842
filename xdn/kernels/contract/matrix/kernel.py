"""What the contractions by the tile unit have in common: the loop over steps, in the order in which loads must stand.

A step is 32 channels of one tap. Its products of parts (`PRODUCTS`) follow each other, and in each the registers of
both sides meet, two and two at most::

    c[i][j] = 0                                            i < registers of rows, j < registers of columns
    for step in steps(position):                           of a second source after those of the first
        for part of x, part of w in products:
            for i: for j: c[i][j] += a[i] b[j]             as `xdn/codegen/tiles.py` says

Registers are not renamed: a load waits until the multiplications before it have read the register. So each register is
loaded for its next use right after its last one, and the multiplications between hide the wait; one whose next use is
of the same numbers is not loaded at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_entry
from xdn.codegen.jit import VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.codegen.tiles import (
    OF_COLUMNS,
    OF_ROWS,
    PARTS,
    ROW_BYTES,
    ROWS,
    WORDS,
    Tiles,
    configure,
    release,
    tiles_of,
)
from xdn.element import BF16, REAL, S64, Element
from xdn.graph import Array
from xdn.kernels.contract.matrix.parts import products_with
from xdn.kernels.core.choice import TILED
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.epilogue import Fused
from xdn.kernels.core.layout import Schedule
from xdn.kernels.core.parts import PartsLayout, parts_name


class StepRow(Descriptor):
    """A step: where its values and its weights lie, in numbers of what points to those of the tile."""

    x, weights = Size(), Size()


class Matrix(Fused):
    """What a contraction by the tile unit is told; x are the parts of the bottom.

    steps
        Table of `StepRow`, list after list.
    x2, weights2, steps2, x2_block
        Of the second source.
    """

    x, weights, steps = Place(BF16), Pointer(BF16), Pointer(S64)
    x2, weights2, steps2, x2_block = Place(BF16), Pointer(BF16), Pointer(S64), Size()


@dataclass(frozen=True)
class Side:
    """The operands of the rows, or of the columns, of the results; a register holds 16 of either.

    Parameters
    ----------
    pointer : pointer
        To the tile's first number.
    apart : i64
        Numbers from one register's operands to the next's.
    part : int
        Numbers from one part to the next.
    stride : i64
        Bytes from one row of a register to the next.
    word : int
        0 for x, 1 for weights: which word of a step's row, and which part of a product.
    """

    pointer: ir.Value
    apart: ir.Value
    part: int
    stride: ir.Value
    word: int


@dataclass(frozen=True)
class Operands:
    """What a tile sums over in one of its sources.

    Parameters
    ----------
    sides : (Side, Side)
        Of the rows and of the columns.
    table : pointer
        To the first of the table's steps that are the tile's.
    count : i64
        How many these are.
    """

    sides: tuple[Side, Side]
    table: ir.Value
    count: ir.Value


def source_words(layouts: Sequence[PartsLayout], blobs: Sequence[str], **own: Sequence[Array]) -> dict[str, Any]:
    """Return the values of the fields that each source has: its parts' place, and `own`, by the first one's names."""
    found: dict[str, Any] = {}
    for number, (layout, blob) in enumerate(zip(layouts, blobs, strict=True)):
        which = "2" if number else ""
        found |= {f"x{which}": parts_name(blob), f"x{which}_block": layout.block_elements}
        found |= {f"{name}{which}": values[number] for name, values in own.items()}
    return found


@dataclass(frozen=True)
class Contracting:
    """How a layer's values are contracted: by an algorithm of `TILED`, with weights that are stored as an element."""

    algorithm: str
    weights: Element = REAL

    def name(self, schedule: Schedule, target: Target, epilogue: tuple[str, ...], tile: tuple[int, int]) -> KernelName:
        """Return the name of the kernel of a schedule with so many registers of rows and of columns."""
        op = schedule.op(f"tiles_{_word(self.algorithm)}")
        return KernelName(op, target.name, epilogue, tile, weights=self.weights)


@dataclass(frozen=True)
class Multiplication:
    """How the registers of a tile are multiplied, four of results at most.

    Parameters
    ----------
    rows, columns : int
        Registers of either side.
    products : sequence of (int, int)
        Parts of x and of w whose products a step sums.
    elements : (Element, Element)
        Of the rows and of the columns.
    depth : int
        Words of a step.
    """

    rows: int
    columns: int
    products: Sequence[tuple[int, int]] = ((0, 0),)
    elements: tuple[Element, Element] = PARTS
    depth: int = WORDS

    @staticmethod
    def of(name: KernelName) -> "Multiplication":
        """Return that of a kernel which sums products of parts."""
        assert name.tile is not None
        return Multiplication(*name.tile, products_of(name))


def products_of(name: KernelName) -> Sequence[tuple[int, int]]:
    """Return the products of parts that a kernel sums."""
    algorithm = next(each for each in TILED if name.op.endswith(f"_{_word(each)}"))
    return products_with(algorithm, name.weights)


def _word(algorithm: str) -> str:
    """Return an algorithm's word in the names of kernels."""
    return algorithm.removeprefix(BF16.name)


def unit_functions(target: Target, depth: int = WORDS) -> tuple[Any, Any]:
    """Return what a kernel calls before it uses tiles, whose steps have so many words, and after it has used them."""

    @emitted(VOID)
    def begin(irbuilder: ir.IRBuilder) -> None:
        configure(VectorBuilder(irbuilder, target), depth)

    @emitted(VOID)
    def end(irbuilder: ir.IRBuilder) -> None:
        release(VectorBuilder(irbuilder, target))

    return begin, end


def emit_sums(b: VectorBuilder, sources: Sequence[Operands], how: Multiplication) -> ir.Value:
    """Emit the sums of a tile; return a pointer to their rows, in each the words of all registers of columns, as f32.

    Parameters
    ----------
    b : VectorBuilder
    sources : sequence of Operands
    how : Multiplication
    """
    tiles, rows, columns = tiles_of(b, how.depth), how.rows, how.columns
    results = [[i * columns + j for j in range(columns)] for i in range(rows)]
    for register in range(rows * columns):
        tiles.zero(register)
    for source in sources:
        # Windows that lie on padding alone have no steps.
        with b.ir.if_then(b.ir.icmp_signed(">", source.count, b.const(0))):
            _multiply(b, tiles, source, results, how)
    width = columns * ROWS
    sums = at_entry(b.ir, ir.ArrayType(ir.FloatType(), rows * ROWS * width))
    sums.align = ROW_BYTES
    place = b.ir.bitcast(sums, ir.FloatType().as_pointer())
    for i, row in enumerate(results):
        for j, register in enumerate(row):
            tiles.store(register, b.offset(place, i * ROWS * width + j * ROWS), b.const(width * REAL.bytes))
    return place


def _multiply(
    b: VectorBuilder,
    tiles: Tiles,
    source: Operands,
    results: list[list[int]],
    how: Multiplication,
) -> None:
    """Emit the multiplications of at least one step, and the loads between them."""
    sides, table, count, products = source.sides, source.table, source.count, how.products
    registers = OF_ROWS[: len(results)], OF_COLUMNS[: len(results[0])]

    def places(step: ir.Value) -> list[ir.Value]:
        """Return where the operands of both sides lie."""
        row = b.offset(table, b.ir.mul(step, b.const(StepRow.size)))
        return [b.offset(side.pointer, b.scalar(row, side.word)) for side in sides]

    def load(which: int, number: int, at: list[ir.Value], product: tuple[int, int]) -> None:
        side = sides[which]
        moved = b.ir.add(b.ir.mul(side.apart, b.const(number)), b.const(product[side.word] * side.part))
        tiles.load(registers[which][number], b.offset(at[which], moved), side.stride)

    def one_step(step: ir.Value, here: list[ir.Value]) -> list[ir.Value]:
        # The last step's operands are loaded once more, and not used.
        further = b.ir.add(step, b.const(1))
        there = places(b.ir.select(b.ir.icmp_signed("<", further, count), further, step))
        for product, following in zip(products, [*products[1:], products[0]], strict=True):
            at = there if product is products[-1] else here

            def reload(which: int, number: int, product=product, following=following, at=at) -> None:
                word = sides[which].word
                if at is there or product[word] != following[word]:
                    load(which, number, at, following)

            for i, row in enumerate(results):
                for j, register in enumerate(row):
                    tiles.multiply(register, registers[0][i], registers[1][j], how.elements)
                    if i == len(results) - 1:
                        reload(1, j)
                    if j == len(row) - 1:
                        reload(0, i)
        return there

    first = places(b.const(0))
    for which, own in enumerate(registers):
        for number in range(len(own)):
            load(which, number, first, products[0])
    b.loop(b.const(0), count, first, one_step)
