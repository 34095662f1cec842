"""The contraction by the tile unit in the batch schedule: rows are filters, columns the images of a block.

For a block of images, an output position and 16 or 32 filters::

    c = sums of the products of w (rows) and x (columns)   `xdn/kernels/contract/matrix/kernel.py`
    for r in filters:
        y[r] = f(c[r] + bias[r] + residual[r], coefficient[r])          the only store of a result
"""

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, WORDS, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.codegen.tiles import NUMBERS, ROW_BYTES, ROWS
from xdn.element import BF16
from xdn.kernels.contract.matrix.kernel import Matrix, Side, StepRow, emit_sums, matrix_name, unit_functions
from xdn.kernels.core.descriptor import Descriptor, Size, Table
from xdn.kernels.core.epilogue import store_images
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.taps import PositionRow


class FilterRow(Descriptor):
    """Filters of a tile: where their weights begin, the first one's number, how many there are."""

    weights, channel, count = Size(), Size(), Size()


class BatchMatrix(Matrix):
    """What the contraction of the batch schedule is told.

    positions
        Rows of (x of the window's first element, first step, end of steps, y), in numbers of x and y.
    tile_group
        Tiles that take all positions before the next ones do: their weights stay in cache meanwhile.
    """

    tiles, tile_count, tile_group = Table(FilterRow), Size(), Size()
    positions, position_count = Table(PositionRow), Size()


def batch_matrix(algorithm: str, registers: int, epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel whose tiles have so many registers of filters, one or two."""
    columns = target.block_images // ROWS
    name = matrix_name(BATCH, algorithm, target, epilogue, (registers, columns))
    return kernel_source(name, lambda: _body(name), BatchMatrix)


def _emit_tile(b: VectorBuilder, args: tuple[ir.Value, ...], name: KernelName) -> None:
    assert name.tile is not None
    x, weights, steps, count, filters, bias, residual, y, at = args
    registers, columns = name.tile
    images = b.target.block_images
    tile = ROWS * NUMBERS
    rows = Side(weights, b.const(tile), registers * tile, b.const(ROW_BYTES), 1)
    # Two channels of an image lie together, those of all images of the block make a row of x.
    pairs = Side(x, b.const(2 * ROWS), NUMBERS * images, b.const(2 * images * BF16.bytes), 0)
    sums = emit_sums(b, (rows, pairs), (steps, count), name)

    def one_filter(r: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        to_filter = b.ir.mul(r, b.const(images))
        begin = b.broadcast(b.scalar(bias, r))
        values = [b.add(b.load(b.offset(sums, to_filter), v), begin) for v in range(columns)]
        added, stored = (b.offset(pointer, to_filter) for pointer in (residual, y))
        store_images(b, [values], name.epilogue, added, stored, b.offset(at, r))
        return carried

    b.loop(b.const(0), filters, [], one_filter)


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest around the tile, as Numba compiles it."""
    target = target_named(name.isa)
    images, (begin, end) = target.block_images, unit_functions(name)

    @emitted(VOID, Kind(BF16, "pointer"), Kind(BF16, "pointer"), WORDS, I64, I64, POINTER, POINTER, POINTER, POINTER)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_tile(VectorBuilder(irbuilder, target), args, name)

    step_words = StepRow.size

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
                            moved(d.steps, position.first * step_words),
                            position.end - position.first,
                            part.count,
                            moved(d.bias, part.channel),
                            at_element(frame, d.residual, y),
                            at_element(frame, d.y, y),
                            moved(d.coefficients, part.channel),
                        )
        end()

    return contract
