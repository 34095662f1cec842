"""Sums of rows times factors that are values of blobs, for a panel of a blob's channels, or of its images, at a time.

In the channel schedule a panel is one or two vectors of channels, and a factor a number of one channel. In the batch
schedule it is the images of a block at one channel, and a factor those of another.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.target import Target
from xdn.kernels.contract.task import spread
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH, Schedule

#: Registers of a row of the channel schedule at most; of three LLVM makes single numbers.
_MOST_REGISTERS = 2


def panels_of(lowering: Lowering) -> tuple[int, int]:
    """Return the registers of a row, and the panels that all channels of the top are."""
    target, top = lowering.target, lowering.top()
    if lowering.schedule is BATCH:
        return top.images // target.lanes, top.channels
    vectors = top.position_elements // target.lanes
    registers = max(number for number in range(1, _MOST_REGISTERS + 1) if vectors % number == 0)
    return registers, vectors // registers


def tile_rows(target: Target, registers: int, rows: int) -> int:
    """Return the rows of a tile, of so many in all: their sums, a factor and a row are in registers together."""
    return spread(rows, (target.registers - 2 * registers) // registers)[0]


def panel_tile(rows: int, builder: Callable[[ir.IRBuilder], VectorBuilder], schedule: Schedule) -> Any:
    """Return what sums so many rows: ``into[r] = sum over i of factors[i][r] * vectors[i]``, all rows of elements.

    A factor is a row, too, in the batch schedule; in the channel schedule it is one number.
    """

    @emitted(VOID, POINTER, POINTER, POINTER, *[I64] * 5)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = builder(irbuilder)
        factors, vectors, into, count, factor_step, factor_row, vector_step, into_row = args
        one = b.load if schedule is BATCH else (lambda pointer: b.broadcast(b.scalar(pointer)))

        def add(i: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
            vector = b.load(b.offset(vectors, b.ir.mul(vector_step, i)))
            at = b.offset(factors, b.ir.mul(factor_step, i))
            each = (one(b.offset(at, b.ir.mul(factor_row, b.const(r)))) for r in range(rows))
            return [b.fma(factor, vector, value) for factor, value in zip(each, acc, strict=True)]

        for r, value in enumerate(b.loop(b.const(0), count, [b.number(0)] * rows, add)):
            b.store(value, b.offset(into, b.ir.mul(into_row, b.const(r))))

    return tile
