"""MatMul of blobs whose matrices are positions: each element of a row is a product of matrices of its own.

A row is what one position has: all channels, such as the heads of attention, and in the batch schedule those of all
images of a block. For each group of positions that is a matrix, and each vector of a row::

    for tile:                                              MR rows and NR columns of the top
        for i in range(inputs):
            acc[r][c] += a[r][i] * b[i][c]                 one fused multiply-add of vectors
        y[r][c] = acc[r][c]

The last tile of a row or column of tiles begins earlier, and computes again what the one before it has.
"""

from math import prod
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target, target_named
from xdn.kernels.core.descriptor import Descriptor, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase

#: So many times as many lanes as channels fill vectors badly: then matrices are better taken one after the other.
_SPARE_LANES = 4


class MatMul(Descriptor):
    """Matrices of a block, rows, columns and what is summed over; vectors of a row, and elements of a position.

    a_row, a_step, b_column, b_step
        Positions from one row of a to the next, one column of b to the next, and one element that is summed to the
        next.
    """

    a, b, y = Place(), Place(), Place()
    groups, rows, columns, inputs, vectors, y_pitch = (Size() for _ in range(6))
    a_row, a_step, b_column, b_step = (Size() for _ in range(4))


def _largest_tile(target: Target) -> tuple[int, int]:
    """Return the rows and columns of a tile: sums, the columns' vectors and one of the rows' are in registers."""
    return (4, 6) if target.registers >= 32 else (3, 3)


def _tile_of(name: KernelName) -> Any:
    """Return what computes a tile of one vector."""
    assert name.tile is not None
    (rows, columns), target = name.tile, target_named(name.isa)

    @emitted(VOID, POINTER, POINTER, POINTER, I64, *[I64] * 6)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        a_begin, b_begin, y, inputs, a_row, a_step, b_column, b_step, y_row, y_column = args

        def place(begin: ir.Value, *terms: tuple[ir.Value, ir.Value]) -> ir.Value:
            for stride, number in terms:
                begin = b.offset(begin, b.ir.mul(stride, number))
            return begin

        def one(i: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
            a_i, b_i = place(a_begin, (a_step, i)), place(b_begin, (b_step, i))
            right = [b.load(place(b_i, (b_column, b.const(c)))) for c in range(columns)]
            result: list[ir.Value] = []
            for r in range(rows):
                left = b.load(place(a_i, (a_row, b.const(r))))
                result += [b.fma(left, value, acc[r * columns + c]) for c, value in enumerate(right)]
            return result

        sums = b.loop(b.const(0), inputs, [b.number(0)] * (rows * columns), one)
        for number, value in enumerate(sums):
            r, c = divmod(number, columns)
            b.store(value, place(y, (y_row, b.const(r)), (y_column, b.const(c))))

    return tile


def _body(name: KernelName) -> KernelBody:
    """Return the loops around the tile, as Numba compiles them."""
    assert name.tile is not None
    (rows, columns), lanes, tile = name.tile, target_named(name.isa).lanes, _tile_of(name)

    def matmul(d, frame):
        pitch, inputs, vectors = d.y_pitch, d.inputs, d.vectors
        a_row, a_step, b_column, b_step = d.a_row * pitch, d.a_step * pitch, d.b_column * pitch, d.b_step * pitch
        down, across = (d.rows + rows - 1) // rows, (d.columns + columns - 1) // columns
        first, end = portion(frame, frame.blocks * d.groups * vectors * down * across)
        for unit in range(first, end):
            strip = unit // across
            part = strip // down
            group = part // vectors
            m = min((strip - part * down) * rows, d.rows - rows)
            k = min((unit - strip * across) * columns, d.columns - columns)
            lane = (part - group * vectors) * lanes
            tile(
                at_element(frame, d.a, group * d.rows * inputs * pitch + m * a_row + lane),
                at_element(frame, d.b, group * d.columns * inputs * pitch + k * b_column + lane),
                at_element(frame, d.y, (group * d.rows + m) * d.columns * pitch + k * pitch + lane),
                inputs,
                a_row,
                a_step,
                b_column,
                b_step,
                d.columns * pitch,
                pitch,
            )

    return matmul


def _takes(lowering: Lowering) -> bool:
    """Return whether the matrices lie after the channels, which both bottoms have, and which fill vectors."""
    a, b = lowering.params.matrices(lowering.bottoms)
    return len(a) > 3 and a[:-2] == b[:-2] and _SPARE_LANES * a[1] >= lowering.target.lanes


def _tile(lowering: Lowering) -> tuple[int, int]:
    """Return the rows and columns of the layer's tiles."""
    (*_, rows, _), (*_, columns) = lowering.params.matrices(lowering.bottoms)
    most = _largest_tile(lowering.target)
    return min(most[0], rows), min(most[1], columns)


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what all tiles take: a step multiplies each vector of a with each of b, which it has loaded."""
    (*_, rows, inputs), (*_, columns) = lowering.params.matrices(lowering.bottoms)
    (tall, wide), rates, top = _tile(lowering), lowering.target.rates, lowering.top()
    loads = (tall + wide) * lowering.target.vector_bytes / rates.levels[0].one
    tiles = -(-rows // tall) * -(-columns // wide) * (top.block_elements // (top.lanes * rows * columns))
    return (Phase(tiles * inputs * rates.step(tall, wide, loads), (lowering.read, lowering.written), tiles),)


@family("matmul", "MatMul", when=_takes, schedules=BOTH, phases=_phases)
def lower_matmul(lowering: Lowering) -> Lowered:
    """Multiply the matrices of all channels side by side."""
    params, top = lowering.params, lowering.top()
    (*lead, rows, inputs), (*_, columns) = params.matrices(lowering.bottoms)
    a, b = lowering.layer.bottoms
    words = lowering.words(
        MatMul,
        a=a,
        b=b,
        groups=prod(lead[2:]),
        rows=rows,
        columns=columns,
        inputs=inputs,
        vectors=top.position_elements // top.lanes,
        a_row=1 if params.transpose_a else inputs,
        a_step=rows if params.transpose_a else 1,
        b_column=inputs if params.transpose_b else 1,
        b_step=1 if params.transpose_b else columns,
    )
    name = KernelName("matmul", lowering.target.name, tile=_tile(lowering))
    macs = inputs * prod(lowering.tops[0].shape[1:])
    return Lowered([Step(kernel_source(name, lambda: _body(name), MatMul), words, macs=macs)])
