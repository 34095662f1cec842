"""The kernel of Strassen's algorithm for blocks of images: vectors of images, and tiles of filters.

A pair of positions is one of a block of images. For a unit of pairs at a time::

    for pair:                           S1 ... S4 = sums of quarters of x
    for MR filters of each half:    for pair:    for part in PARTS:
        two or three products, of the sums on their way to C11, C21, or C22 and C12
        y[position][filter] = f(C + bias + residual)                                        the only store of a result

A product is the register tile of `xdn/kernels/contract/batch_kernel.py`. Weights are packed
``[tile][product][channels][MR]``.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64, VOID, WORDS, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.batch_kernel import contract_channels
from xdn.kernels.core.epilogue import store_images
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.strassen.kernel import Halving, of_sizes, sized, sums_of
from xdn.kernels.strassen.operands import Operands
from xdn.kernels.strassen.products import PARTS


def strassen(rows: int, epilogue: tuple[str, ...], target: Target, two_sizes: bool = False) -> KernelSource:
    """Return the kernel for tiles of `rows` filters of each half.

    Parameters
    ----------
    rows : int
        MR.
    epilogue : tuple of str
        As `epilogue_parts` gives them.
    target : Target
    two_sizes : bool
        Whether there are tiles of one filter less, too.
    """
    name = KernelName(sized("strassen", two_sizes), target.name, epilogue, (rows, target.tile()[1]))
    return kernel_source(name, lambda: _body(name), Halving)


class FilterTile:
    """MR filters of each half times a pair of positions of a block's images; sums stand filter by filter.

    Parameters
    ----------
    b : VectorBuilder
    args : (pointer, pointer, i64, i64)
        The descriptor, the frame; the pair of the unit, the tile's first filter of a half.
    tile : (int, int)
        MR, and vectors of a block's images.
    epilogue : tuple of str
    """

    def __init__(self, b: VectorBuilder, args: Sequence[ir.Value], tile: tuple[int, int], epilogue: tuple[str, ...]):
        d, frame, self._pair, self._filter = args
        self._operands = Operands(b, (d, frame), b.target.block_images)
        self._b, self._tile, self._epilogue = b, tile, epilogue

    def zeros(self) -> list[ir.Value]:
        """Return sums of nothing."""
        rows, vectors = self._tile
        return [self._b.number(0)] * (rows * vectors)

    def multiplied(self, sums: list[ir.Value], factor: int) -> list[ir.Value]:
        """Return what sums become when the products of a left factor are added, channel by channel."""
        x, channels = self._operands.factor(factor, self._pair), self._operands.channels(factor)
        weights = self._operands.weights(factor, self._filter, self._tile[0])
        return contract_channels(self._b, (x, weights, channels), self._tile, sums)

    def added(self, sums: list[ir.Value], others: list[ir.Value]) -> list[ir.Value]:
        """Return the sums of two."""
        return [self._b.add(*each) for each in zip(sums, others, strict=True)]

    def keep(self, place: int, sums: list[ir.Value]) -> None:
        """Keep sums at the place 0 or 1, until the next pair comes."""
        for number, value in enumerate(sums):
            self._b.store(value, self._kept(place), number)

    def kept(self, place: int) -> list[ir.Value]:
        """Return what is kept at a place."""
        rows, vectors = self._tile
        return [self._b.load(self._kept(place), number) for number in range(rows * vectors)]

    def _kept(self, place: int) -> ir.Value:
        """Return where the sums of the tile are kept: ``[place][MR][images]``."""
        b = self._b
        return self._operands.pointer(Halving.kept, b.const(place * self._tile[0] * b.target.block_images))

    def finish(self, quarter: int, sums: list[ir.Value]) -> None:
        """Make results of the sums: bias, epilogue, store."""
        b, (rows, vectors) = self._b, self._tile
        channel = self._operands.channel(quarter, self._filter)
        bias, at = (self._operands.pointer(field, channel) for field in (Halving.bias, Halving.coefficients))
        shifts = [b.broadcast(b.scalar(bias, row)) for row in range(rows)]
        tile = [[b.add(sums[row * vectors + v], shift) for v in range(vectors)] for row, shift in enumerate(shifts)]
        position, there = self._operands.result(quarter, self._pair)
        place = b.ir.add(position, b.ir.mul(channel, b.const(b.target.block_images)))
        residual, y = (self._operands.pointer(field, place) for field in (Halving.residual, Halving.y))
        with b.ir.if_then(there):
            store_images(b, tile, self._epilogue, residual, y, at)


def _products(name: KernelName, rows: int) -> Any:
    """Return what the kernel calls for all products of a tile of so many filters."""
    assert name.tile is not None
    target, tile = target_named(name.isa), (rows, name.tile[1])

    @emitted(VOID, WORDS, WORDS, I64, I64)
    def products(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        filters = FilterTile(VectorBuilder(irbuilder, target), args, tile, name.epilogue)
        for part in PARTS:
            part(filters)

    return products


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest, as Numba compiles it."""
    assert name.tile is not None
    target = target_named(name.isa)
    to_sums = sums_of(target, target.block_images)
    full_products, small_products = of_sizes(name, name.tile[0], _products)

    def strassen(d, frame):
        total = d.pair_count * frame.blocks
        for begin in range(0, total, d.unit):
            pairs = min(d.unit, total - begin)
            for number in range(pairs):
                to_sums(d, frame, begin + number, number)
            for tile in range(d.full + d.small):
                first = tile * d.full_size - max(0, tile - d.full)
                for number in range(pairs):
                    if tile < d.full:
                        full_products(d, frame, number, first)
                    else:
                        small_products(d, frame, number, first)

    return strassen
