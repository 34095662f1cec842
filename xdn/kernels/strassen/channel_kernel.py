"""The kernel of Strassen's algorithm for one image: vectors of filters, and tiles of pairs of positions.

For a unit of pairs at a time, where the core's cache keeps all weights::

    for MR pairs:                       S1 ... S4 = sums of quarters of x                   the thread's share of pairs
        for panel:    for part in PARTS:
            two or three products, of the sums on their way to C11, C21, or C22 and C12
            y[position][filter] = f(C + bias + residual)                                    the only store of a result

and where it does not, so that the weights of a part stay in it for all pairs::

    for pair:                           S1 ... S4                                           the thread's share of pairs
    for panel:    for part in PARTS:
        for MR pairs:                   the same                                            its share of panels, tiles

A product is the register tile of `xdn/kernels/contract/channel_kernel.py`. Weights are packed
``[panel][product][channels][NV vectors]``. Threads that share the image meet before they read each other's sums, and
before they overwrite them.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64, VOID, WORDS, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.channel_kernel import contract_positions
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.epilogue import store_channels
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.portion import portion
from xdn.kernels.strassen.kernel import Halving, of_sizes, sized, sums_of
from xdn.kernels.strassen.operands import Operands
from xdn.kernels.strassen.products import PARTS, Tile


def strassen(tile: tuple[int, int], epilogue: tuple[str, ...], target: Target, two_sizes: bool = False) -> KernelSource:
    """Return the kernel for tiles of MR pairs and panels of NV vectors.

    Parameters
    ----------
    tile : (int, int)
        MR and NV.
    epilogue : tuple of str
        As `epilogue_parts` gives them.
    target : Target
    two_sizes : bool
        Whether there are panels of one vector less, too.
    """
    name = KernelName(sized("channel_strassen", two_sizes), target.name, epilogue, tile)
    return kernel_source(name, lambda: _body(name), Halving)


class PairTile:
    """MR pairs of positions times a panel of filters of each half; sums stand pair by pair.

    Parameters
    ----------
    b : VectorBuilder
    args : (pointer, pointer, i64, i64, i64)
        The descriptor, the frame; the tile's first and last pair of the unit, the panel's first filter of a half.
        Pairs after the last one are the last again.
    tile : (int, int)
        MR and NV.
    epilogue : tuple of str
    """

    def __init__(self, b: VectorBuilder, args: Sequence[ir.Value], tile: tuple[int, int], epilogue: tuple[str, ...]):
        d, frame, first, last, self._filter = args
        self._operands = Operands(b, (d, frame), b.target.lanes)
        self._b, self._vectors, self._epilogue = b, tile[1], epilogue
        numbers = [b.ir.add(first, b.const(r)) for r in range(tile[0])]
        #: Of each pair whether it is not the last one again, and its number.
        self._inside = [b.ir.icmp_signed("<=", number, last) for number in numbers]
        self._pairs = [b.ir.select(*each, last) for each in zip(self._inside, numbers, strict=True)]

    def zeros(self) -> list[ir.Value]:
        """Return sums of nothing."""
        return [self._b.number(0)] * (len(self._pairs) * self._vectors)

    def multiplied(self, sums: list[ir.Value], factor: int) -> list[ir.Value]:
        """Return what sums become when the products of a left factor are added, channel by channel."""
        x = [self._operands.factor(factor, pair) for pair in self._pairs]
        weights = self._operands.weights(factor, self._filter, self._vectors * self._b.target.lanes)
        return contract_positions(self._b, x, weights, self._operands.channels(factor), sums)

    def added(self, sums: list[ir.Value], others: list[ir.Value]) -> list[ir.Value]:
        """Return the sums of two."""
        return [self._b.add(*each) for each in zip(sums, others, strict=True)]

    def keep(self, place: int, sums: list[ir.Value]) -> None:
        """Keep sums at the place 0 or 1."""
        for i, value in enumerate(sums):
            self._b.store(value, self._kept(place, i // self._vectors), i % self._vectors)

    def kept(self, place: int) -> list[ir.Value]:
        """Return what is kept at a place."""
        rows = [self._kept(place, row) for row in range(len(self._pairs))]
        return [self._b.load(row, vector) for row in rows for vector in range(self._vectors)]

    def _kept(self, place: int, row: int) -> ir.Value:
        """Return where sums of a pair are kept: ``[panel][place][pair of the unit][NV vectors]``."""
        b, unit = self._b, self._operands.size(Halving.unit)
        panel = b.ir.mul(b.ir.mul(self._filter, unit), b.const(2))
        number = b.ir.add(b.ir.mul(unit, b.const(place)), self._pairs[row])
        own = b.ir.mul(number, b.const(self._vectors * b.target.lanes))
        return self._operands.pointer(Halving.kept, b.ir.add(panel, own))

    def finish(self, quarter: int, sums: list[ir.Value]) -> None:
        """Make results of the sums: bias, epilogue, store."""
        b, channel = self._b, self._operands.channel(quarter, self._filter)
        bias, residual, y, at = (
            self._operands.pointer(field, channel)
            for field in (Halving.bias, Halving.residual, Halving.y, Halving.coefficients)
        )
        for row, (pair, inside) in enumerate(zip(self._pairs, self._inside, strict=True)):
            place, there = self._operands.result(quarter, pair)
            own = sums[row * self._vectors : (row + 1) * self._vectors]
            values = [b.add(value, b.load(bias, vector)) for vector, value in enumerate(own)]
            # A residual that the top overwrites is gone when a pair comes again.
            with b.ir.if_then(b.ir.and_(there, inside)):
                store_channels(b, [values], [place], self._epilogue, residual, y, at)


def _part(name: KernelName, vectors: int, part: Callable[[Tile[list[ir.Value]]], None]) -> Any:
    """Return what the kernel calls for a part of a tile's products with a panel of so many vectors."""
    assert name.tile is not None
    target, tile = target_named(name.isa), (name.tile[0], vectors)

    @emitted(VOID, WORDS, WORDS, I64, I64, I64)
    def products(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        part(PairTile(VectorBuilder(irbuilder, target), args, tile, name.epilogue))

    return products


def _panel(name: KernelName, vectors: int) -> Any:
    """Return what the kernel calls for the results of some pairs of a unit and a panel of so many vectors.

    It takes (descriptor, frame, the first and the end of the pairs, the panel's first filter of a half).
    """
    first, second, third = (_part(name, vectors, part) for part in PARTS)

    @jitable
    def panel(d, frame, first_pair, end_pair, channel):
        rows = d.rows
        for pair in range(first_pair, end_pair, rows):
            first(d, frame, pair, min(pair + rows, end_pair) - 1, channel)
        for pair in range(first_pair, end_pair, rows):
            second(d, frame, pair, min(pair + rows, end_pair) - 1, channel)
        for pair in range(first_pair, end_pair, rows):
            third(d, frame, pair, min(pair + rows, end_pair) - 1, channel)

    return panel


def _body(name: KernelName) -> KernelBody:
    """Return the loop nest, as Numba compiles it."""
    assert name.tile is not None
    target = target_named(name.isa)
    lanes, to_sums = target.lanes, sums_of(target, target.lanes)
    full_panel, small_panel = of_sizes(name, name.tile[1], _panel)

    @jitable
    def results(d, frame, first, end, panel):
        """Results of some pairs and a panel."""
        channel = (panel * d.full_size - max(0, panel - d.full)) * lanes
        if panel < d.full:
            full_panel(d, frame, first, end, channel)
        else:
            small_panel(d, frame, first, end, channel)

    @jitable
    def alone(d, frame, begin, pairs):
        """The thread's share of a unit's pairs, a tile at a time, whose sums stay at one place: the share's begin.

        Of a last unit that is smaller some threads have less, or nothing, lest their places be others' in the next.
        """
        first, end = portion(frame, min(d.unit, d.pair_count * frame.blocks))
        rows = d.rows
        for pair in range(first, min(end, pairs), rows):
            count = min(rows, min(end, pairs) - pair)
            for i in range(count):
                to_sums(d, frame, begin + pair + i, first + i)
            for panel in range(d.full + d.small):
                results(d, frame, first, first + count, panel)

    @jitable
    def together(d, frame, begin, pairs):
        """The thread's share of a unit's sums; then, of all panels and tiles, the tiles that begin in its share.

        It is a share of the panels' vectors: some panels may have one less.
        """
        first, end = portion(frame, pairs)
        for pair in range(first, end):
            to_sums(d, frame, begin + pair, pair)
        meet(frame)
        rows, before = d.rows, 0
        tiles = -(-pairs // rows)
        first, end = portion(frame, tiles * (d.filters // lanes))
        for panel in range(d.full + d.small):
            own = d.full_size if panel < d.full else d.full_size - 1
            first_tile = min(max(0, -(-(first - before) // own)), tiles)
            end_tile = min(max(0, -(-(end - before) // own)), tiles)
            if first_tile < end_tile:
                results(d, frame, first_tile * rows, min(end_tile * rows, pairs), panel)
            before += tiles * own

    def strassen(d, frame):
        total, panels_inner = d.pair_count * frame.blocks, d.panels_inner != 0
        for begin in range(0, total, d.unit):
            pairs = min(d.unit, total - begin)
            if panels_inner:
                alone(d, frame, begin, pairs)
            else:
                together(d, frame, begin, pairs)
                if begin + pairs < total:
                    meet(frame)

    return strassen
