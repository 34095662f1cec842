"""Where the operands and the results of a product lie, in emitted code, which reads them from the descriptor."""

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.kernels.core.descriptor import Field, Size
from xdn.kernels.core.frame import Frame
from xdn.kernels.strassen.kernel import Halving, PairRow
from xdn.kernels.strassen.products import (
    A11,
    A12,
    A22,
    C11,
    C12,
    C21,
    FACTORS,
    LONG,
    S1,
    S2,
    S3,
    S4,
    channels_before,
)


class Operands:
    """Pointers to what a tile reads and writes.

    Parameters
    ----------
    b : VectorBuilder
    told : (pointer, pointer)
        To the words of a `Halving`, and of a `Frame`.
    row_elements : int
        f32 of a row.
    """

    def __init__(self, b: VectorBuilder, told: tuple[ir.Value, ir.Value], row_elements: int):
        self.b, self._d, self._frame = b, *told
        half, rest = (
            b.ir.mul(self.size(rows), b.const(row_elements)) for rows in (Halving.half_rows, Halving.rest_rows)
        )
        twice = b.ir.add(half, half)
        s4 = b.ir.add(b.ir.add(twice, half), rest)
        #: Where factors begin, in f32: those that are inputs after a position's first, the others after the first sum.
        self._begins = {A11: b.const(0), A12: half, A22: half, S2: b.const(0), S3: half, S1: twice, S4: s4}

    def size(self, field: Size) -> ir.Value:
        """Return a number."""
        return self.b.scalar(self._d, field.slot)

    def pointer(self, field: Field, elements: ir.Value) -> ir.Value:
        """Return a pointer into an array of f32, a blob or scratch: `elements` after its begin."""
        b = self.b
        value = b.scalar(self._d, field.slot)
        if not field.kind.is_pointer:
            value = b.ir.add(value, b.scalar(self._frame, Frame.arena.slot))
        return b.offset(b.ir.inttoptr(value, ir.FloatType().as_pointer()), elements)

    def _place(self, number: ir.Value, word: Size) -> tuple[ir.Value, ir.Value]:
        """Return where a position of the pair `number` of the unit lies in its blob, and whether there is one."""
        b = self.b
        place = b.ir.add(b.scalar(self._d, Halving.places.slot), b.scalar(self._frame, Frame.arena.slot))
        rows = b.ir.inttoptr(place, ir.IntType(64).as_pointer())
        offset = b.scalar(b.offset(rows, b.ir.mul(number, b.const(PairRow.size))), word.slot)
        return offset, b.ir.icmp_signed(">=", offset, b.const(0))

    def factor(self, which: int, number: ir.Value) -> ir.Value:
        """Return a pointer to a left factor's values for the pair `number` of the unit."""
        b = self.b
        if which not in (A11, A12, A22):
            sums = b.ir.mul(number, self.size(Halving.sums_pitch))
            return self.pointer(Halving.sums, b.ir.add(sums, self._begins[which]))
        place, there = self._place(number, PairRow.bottom if which == A22 else PairRow.top)
        x = self.pointer(Halving.x, b.ir.add(place, self._begins[which]))
        return b.ir.select(there, x, self.pointer(Halving.zeros, self._begins[which])) if which == A22 else x

    def channels(self, which: int) -> ir.Value:
        """Return how many channels a left factor has."""
        half = self.size(Halving.half)
        return self.b.ir.add(half, self.size(Halving.rest)) if which in LONG else half

    def weights(self, which: int, first: ir.Value, filters: int) -> ir.Value:
        """Return a pointer to what a left factor is multiplied with, for `filters` filters of a half from `first`."""
        b = self.b

        def before(factor: int) -> ir.Value:
            halves, rests = (b.const(count) for count in channels_before(factor))
            return b.ir.add(b.ir.mul(self.size(Halving.half), halves), b.ir.mul(self.size(Halving.rest), rests))

        own = b.ir.mul(before(which), b.const(filters))
        return self.pointer(Halving.weights, b.ir.add(b.ir.mul(first, before(len(FACTORS))), own))

    def result(self, quarter: int, number: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return where the position of a pair lies that stands in a quarter, in f32 of the top, and whether it does."""
        return self._place(number, PairRow.y_top if quarter in (C11, C12) else PairRow.y_bottom)

    def channel(self, quarter: int, first: ir.Value) -> ir.Value:
        """Return the number of the filter that is the `first` one of a half in a quarter."""
        return first if quarter in (C11, C21) else self.b.ir.add(first, self.size(Halving.filters))
