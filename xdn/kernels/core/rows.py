"""Rows as one value of the builder: what a channel of a position has in a block of images, or a vector of channels."""

from collections.abc import Callable, Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.target import Target
from xdn.kernels.core.layout import BATCH, Schedule

#: (what was folded so far, the next row) -> what is folded with it.
Combine = Callable[[ir.Value, ir.Value], ir.Value]
#: (pointer to what a tap meets, carried values) -> carried values.
Tap = Callable[[ir.Value, list[ir.Value]], list[ir.Value]]


def row_elements(target: Target, schedule: Schedule) -> int:
    """Return the elements of a row: the images of a block, or the channels of a vector."""
    return target.block_images if schedule is BATCH else target.lanes


def row_builder(irbuilder: ir.IRBuilder, target: Target, schedule: Schedule = BATCH) -> VectorBuilder:
    """Return a builder whose values are rows."""
    return VectorBuilder(irbuilder, target, registers=row_elements(target, schedule) // target.lanes)


def row_at(b: VectorBuilder, pointer: ir.Value, channel: ir.Value) -> ir.Value:
    """Return `pointer`, which is at a position's first row, moved to the row of `channel`."""
    return b.offset(pointer, b.ir.mul(channel, b.const(b.target.block_images)))


def fold_taps(b: VectorBuilder, window: Sequence[ir.Value], start: list[ir.Value], combine: Combine) -> list[ir.Value]:
    """Emit a loop over the taps of a position, in order, and return the folded rows; they stay in registers.

    ::

        for t in range(first, end):
            acc[r] = combine(acc[r], x[taps[t][0]][r])     r < MR channels

    Parameters
    ----------
    b : VectorBuilder
        Of rows.
    window : (x, taps, first, end)
        Pointer to the f32 that the window's first element falls on; the table of taps with places in f32
        (`TapLists.in_elements`), and which of its rows are the position's.
    start : list of rows
        Of as many consecutive channels as are folded at a time.
    combine : callable
    """

    def one_tap(tap_x, acc):
        return [combine(value, b.load(tap_x, r)) for r, value in enumerate(acc)]

    return each_tap(b, window, start, one_tap)


def each_tap(b: VectorBuilder, window: Sequence[ir.Value], start: list[ir.Value], tap: Tap) -> list[ir.Value]:
    """Emit a loop over the taps of a position, in order, and return the carried values after it.

    The arguments are those of `fold_taps`; places are in elements of x.
    """
    x, taps, first, end = window

    def one_tap(t, acc):
        return tap(b.offset(x, b.scalar(taps, b.ir.mul(t, b.const(2)))), acc)

    return b.loop(first, end, start, one_tap)
