"""The contraction by the tile unit in the batch schedule: rows are filters, columns the images of a block.

For a block of images, an output position and 16 or 32 filters::

    c = sums of the products of w (rows) and x (columns)   `xdn/kernels/contract/matrix/kernel.py`
    for r in filters:
        y[r] = f(c[r] + bias[r] + residual[r], coefficient[r])          the only store of a result
"""

from collections.abc import Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, WORDS, Kind, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.codegen.tiles import NUMBERS, ROW_BYTES, ROWS
from xdn.element import BF16
from xdn.kernels.contract.batch_kernel import ProjectedPositionRow, no_second
from xdn.kernels.contract.kernel import tile_function
from xdn.kernels.contract.matrix.kernel import (
    Contracting,
    Matrix,
    Multiplication,
    Operands,
    Side,
    StepRow,
    emit_sums,
    unit_functions,
)
from xdn.kernels.core.descriptor import Descriptor, Size, Table
from xdn.kernels.core.epilogue import PROJECTION, store_images
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH

#: Words of a step's row.
STEP_WORDS = StepRow.size


class FilterRow(Descriptor):
    """Filters of a tile: where their weights for both sources begin, the first one's number, how many there are."""

    weights, channel, count, weights2 = Size(), Size(), Size(), Size()


class BatchMatrix(Matrix):
    """What the contraction of the batch schedule is told.

    positions
        Rows of (x of the window's first element, first step, end of steps, y), in numbers of x and y, and of the second
        source (x, first, end).
    tile_group
        Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
    """

    tiles, tile_count, tile_group = Table(FilterRow), Size(), Size()
    positions, position_count = Table(ProjectedPositionRow), Size()


def batch_matrix(how: Contracting, registers: int, epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel whose tiles have so many registers of filters, one or two."""
    columns = target.block_images // ROWS
    name = how.name(BATCH, target, epilogue, (registers, columns))
    return kernel_source(name, lambda: _body(name), BatchMatrix)


#: What a tile takes of a source: x, weights, steps, how many; and of the ends of its sums: filters, how many of them,
#: bias, residual, y, coefficients.
_SOURCE = Kind(BF16, "pointer"), Kind(BF16, "pointer"), WORDS, I64
_ENDS = I64, POINTER, POINTER, POINTER, POINTER


def _operands(b: VectorBuilder, source: Sequence[ir.Value], registers: int) -> Operands:
    x, weights, steps, count = source
    images, tile = b.target.block_images, ROWS * NUMBERS
    rows = Side(weights, b.const(tile), registers * tile, b.const(ROW_BYTES), 1)
    # Two channels of an image lie together, those of all images of the block make a row of x.
    pairs = Side(x, b.const(2 * ROWS), NUMBERS * images, b.const(2 * images * BF16.bytes), 0)
    return Operands((rows, pairs), steps, count)


def _emit_tile(b: VectorBuilder, sources: list[Sequence[ir.Value]], ends: Sequence[ir.Value], name: KernelName) -> None:
    assert name.tile is not None
    (registers, columns), images = name.tile, b.target.block_images
    filters, bias, residual, y, at = ends
    sums = emit_sums(b, [_operands(b, source, registers) for source in sources], Multiplication.of(name))

    def one_filter(r: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        to_filter = b.ir.mul(r, b.const(images))
        begin = b.broadcast(b.scalar(bias, r))
        values = [b.add(b.load(b.offset(sums, to_filter), v), begin) for v in range(columns)]
        added, stored = (b.offset(pointer, to_filter) for pointer in (residual, y))
        store_images(b, [values], name.epilogue, added, stored, b.offset(at, r))
        return carried

    b.loop(b.const(0), filters, [], one_filter)


@inlined
def _second(d, frame, block, position, part):
    """Return the second source of a tile at a position, as `_SOURCE`."""
    x = at_element(frame, d.x2, block * d.x2_block + position.x2)
    steps = moved(d.steps2, position.first2 * STEP_WORDS)
    return x, moved(d.weights2, part.weights2), steps, position.end2 - position.first2


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    tile = tile_function(name, _SOURCE, _ENDS, _emit_tile)
    images, (begin, end) = target_named(name.isa).block_images, unit_functions(target_named(name.isa))
    second = _second if PROJECTION in name.epilogue else no_second

    def contract(d, frame):
        begin()
        for first_tile in range(0, d.tile_count, d.tile_group):
            end_tile = min(first_tile + d.tile_group, d.tile_count)
            for block in range(frame.blocks):
                for p in range(d.position_count):
                    position = d.positions[p]
                    for t in range(first_tile, end_tile):
                        part = d.tiles[t]
                        y = block * d.y_block + position.y + part.channel * images
                        tile(
                            at_element(frame, d.x, block * d.x_block + position.x),
                            moved(d.weights, part.weights),
                            moved(d.steps, position.first * STEP_WORDS),
                            position.end - position.first,
                            part.count,
                            moved(d.bias, part.channel),
                            at_element(frame, d.residual, y),
                            at_element(frame, d.y, y),
                            moved(d.coefficients, part.channel),
                            *second(d, frame, block, position, part),
                        )
        end()

    return contract
