"""What the kernels of both schedules are told, and the sums of inputs.

Values lie in rows: a channel of a block's images, or a vector of channels of one image.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element
from xdn.codegen.jit import I64, POINTER, VOID, emitted, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.element import S64
from xdn.kernels.core.descriptor import Descriptor, Pointer, Scratch, Size, Table
from xdn.kernels.core.epilogue import Fused

#: What kernels' names say of tiles or panels of two sizes.
_TWO_SIZES = "_spread"


class PairRow(Descriptor):
    """Two positions that are computed together: where their values lie, in f32 of a block; -1 for none."""

    top, bottom, y_top, y_bottom = (Size() for _ in range(4))


class Halving(Fused):
    """What a kernel is told; weights are packed by register tile or panel, in each as `right_factors` has them.

    sums, sums_pitch
        Of each pair S2, S3, S1 with the rest, S4 with the rest; f32 from one pair to the next.
    places
        Of each pair a row as `PairRow`, offsets from the begin of the blobs.
    kept
        Sums of products, two for each filter of a tile (batch schedule), or of a half and pair of a unit.
    pairs, pair_count, unit
        Pairs of positions; how many are computed at a time.
    zeros
        As many as a position of x has values.
    half, rest, half_rows, rest_rows
        Channels of a half and those that are left, and rows that these take.
    filters
        Of a half.
    full, small, full_size
        Register tiles (batch schedule) or panels (channel schedule) of `full_size` filters or vectors, as the kernel's
        name says; those after them, of one less.
    rows, panels_inner
        Of the channel schedule: pairs that are multiplied at a time; whether a tile of pairs meets all panels in turn,
        or (0) a panel all tiles of a unit.
    """

    sums, places, kept, sums_pitch = Scratch(), Scratch(S64), Scratch(), Size()
    pairs, pair_count, unit, zeros = Table(PairRow), Size(), Size(), Pointer()
    half, rest, half_rows, rest_rows, filters, full, small, full_size = (Size() for _ in range(8))
    rows, panels_inner = Size(), Size()


def sized(op: str, two_sizes: bool) -> str:
    """Return what a kernel is called whose tiles or panels may be of two sizes."""
    return f"{op}{_TWO_SIZES}" if two_sizes else op


def of_sizes(name: KernelName, size: int, make: Callable[[KernelName, int], Any]) -> tuple[Any, Any]:
    """Return what a kernel calls for its tiles or panels of `size`, and for those of one less, if it has such."""
    full = make(name, size)
    return full, make(name, size - 1) if name.op.endswith(_TWO_SIZES) else full


def _emit_sums(b: VectorBuilder, args: Sequence[ir.Value], row_elements: int) -> None:
    """S2, S3, S1 and S4 of a pair, row by row; then the rest: R2 after S1, R1 - R2 after S4."""
    top, bottom, half_rows, rest_rows, sums = args
    half, rest = (b.ir.mul(rows, b.const(row_elements)) for rows in (half_rows, rest_rows))

    def rows_at(origin: ir.Value, row: ir.Value, *steps: ir.Value) -> list[ir.Value]:
        """Return pointers to a row after `origin`, and after each step from there."""
        found = [b.offset(origin, b.ir.mul(row, b.const(row_elements)))]
        for step in steps:
            found.append(b.offset(found[-1], step))
        return found

    def one_row(row: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        x11, x12 = rows_at(top, row, half)
        x21, x22 = rows_at(bottom, row, half)
        to_s2, to_s3, to_s1, to_s4 = rows_at(sums, row, half, half, b.ir.add(half, rest))
        for v in range(row_elements // b.target.lanes):
            a11, a12, a21, a22 = (b.load(x, v) for x in (x11, x12, x21, x22))
            s1 = b.add(a21, a22)
            s2 = b.sub(s1, a11)
            for value, to in ((s2, to_s2), (b.sub(a11, a21), to_s3), (s1, to_s1), (b.sub(a12, s2), to_s4)):
                b.store(value, to, v)
        return []

    def one_rest(row: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        twice = b.ir.add(half, half)
        (_, x1), (_, x2) = rows_at(top, row, twice), rows_at(bottom, row, twice)
        _, to_s1, to_s4 = rows_at(sums, row, b.ir.add(twice, half), b.ir.add(half, rest))
        for v in range(row_elements // b.target.lanes):
            r2 = b.load(x2, v)
            b.store(r2, to_s1, v)
            b.store(b.sub(b.load(x1, v), r2), to_s4, v)
        return []

    b.loop(b.const(0), half_rows, [], one_row)
    b.loop(b.const(0), rest_rows, [], one_rest)


def sums_of(target: Target, row_elements: int) -> Any:
    """Return what kernels call to make sums and places of a pair: (descriptor, frame, pair of chunk, pair of unit).

    Parameters
    ----------
    target : Target
    row_elements : int
        f32 of a row.
    """
    words = PairRow.size

    @emitted(VOID, POINTER, POINTER, I64, I64, POINTER)
    def make_sums(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_sums(VectorBuilder(irbuilder, target), args, row_elements)

    @inlined
    def to_sums(d, frame, pair, number):
        row, block = d.pairs[pair % d.pair_count], pair // d.pair_count
        x, y, places = block * d.x_block, block * d.y_block, at_element(frame, d.places, number * words)
        places[0], places[2] = x + row.top, y + row.y_top
        places[1], places[3] = -1, -1
        bottom = d.zeros
        if row.bottom >= 0:
            places[1], places[3] = x + row.bottom, y + row.y_bottom
            bottom = at_element(frame, d.x, x + row.bottom)
        sums = at_element(frame, d.sums, number * d.sums_pitch)
        make_sums(at_element(frame, d.x, x + row.top), bottom, d.half_rows, d.rest_rows, sums)

    return to_sums
