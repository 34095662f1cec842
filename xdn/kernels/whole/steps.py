"""The kernel that goes over sequences step by step, for any kind of cell.

Units of the hidden state are vectors, streams are rows of register tiles::

    for t, phase, panel, tile:                             a panel: the sums of some units (`cells.py`)
        acc[r][v] = sums[t][r][v]
        for i in range(inputs):
            acc[r][v] += x[t][r][i] * wx[i][v]
        for k in range(units):
            acc[r][v] += held[r][k] * w[k][v]              h of the step before, times what is kept of it
        out[t][r], held'[r] = h[r], h[r] * kept[t + 1][r]  h of the sums

Where there are enough streams, each thread walks over all steps with tiles of its own. Else threads share the panels;
`held` is two buffers in turn, so that they meet only after each phase. Streams are spread evenly over tiles: the first
ones have as many rows as the kernel's name says, the others one less.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted, inlined
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target
from xdn.kernels.contract.channel_kernel import contract_positions
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.portion import portion
from xdn.kernels.whole.cells import Ends, Kind, Phase
from xdn.kernels.whole.product import VECTORS

#: From how many tiles a thread on each walks with its own: every thread then reads all weights in each step.
_OWN_TILES = 2


class Walk(Descriptor):
    """What goes over the steps is told; pitches are those of a stream, in numbers.

    sums, sums_pitch, sums_step
        With what the sums begin; the numbers of a step, 0 where all steps begin with the same.
    x, input_weights, inputs
        (steps, streams, inputs); there may be none.
    large, tiles
        Tiles with as many rows as the kernel's, and all.
    state_bias
        (pitch,): with what sums begin to which the inputs give nothing.
    held, cells, reset
        (2, streams, pitch), in turn; (streams, pitch) each.
    kept, cell_kept
        (steps + 1, streams).
    """

    sums, state_bias, x, input_weights, weights, kept, cell_kept = (Pointer() for _ in range(7))
    out, held, cells, reset = (Pointer() for _ in range(4))
    steps, streams, large, tiles, inputs, units, pitch, sums_pitch, sums_step = (Size() for _ in range(9))


def vectors_of(sums_of: Sequence[int | None]) -> list[int]:
    """Return the vectors of a panel that hold sums of some gate."""
    return [v for v in range(VECTORS) if sums_of[v * len(sums_of) // VECTORS] is not None]


def _tile_of(rows: int, phase: Phase, target: Target) -> Any:
    """Return what computes a tile of so many streams."""

    @emitted(VOID, *[POINTER] * 13, *[I64] * 4)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        (sums, state_bias, x, input_weights, factor, weights, *units_own), (kept, cell_kept) = args[:11], args[11:13]
        inputs, units, pitch, sums_pitch = args[13:]

        def each(pointer: ir.Value, of_row: ir.Value) -> list[ir.Value]:
            return [b.offset(pointer, b.ir.mul(of_row, b.const(r))) for r in range(rows)]

        def add(acc: list[ir.Value], x: list[ir.Value], weights: ir.Value, count: ir.Value, own: list[int]) -> None:
            places = [r * VECTORS + v for r in range(rows) for v in own]
            made = contract_positions(b, x, weights, count, [acc[place] for place in places])
            for place, value in zip(places, made, strict=True):
                acc[place] = value

        of_inputs, of_state = (vectors_of(sums_of) for sums_of in (phase.inputs, phase.hidden))
        acc = [
            b.load(row, of_inputs.index(v)) if v in of_inputs else b.load(state_bias)
            for row in each(sums, sums_pitch)
            for v in range(VECTORS)
        ]
        add(acc, each(x, inputs), input_weights, inputs, of_inputs)
        add(acc, each(factor, pitch), weights, units, of_state)
        for r, own in enumerate(zip(*(each(pointer, pitch) for pointer in units_own), strict=True)):
            factors = [b.broadcast(b.scalar(each_kept, r)) for each_kept in (kept, cell_kept)]
            phase.end(b, acc[r * VECTORS : (r + 1) * VECTORS], Ends(*own, *factors))

    return tile


def _walk_of(rows: int, phase: Phase, target: Target) -> Any:
    """Return what computes a phase of a step, whose panels are those from number `begin` on."""
    own = VECTORS * target.lanes // len(phase.inputs)  # Units of a panel.
    input_width, width = (len(vectors_of(sums_of)) * target.lanes for sums_of in (phase.inputs, phase.hidden))
    large, small = (_tile_of(each, phase, target) for each in (rows, max(1, rows - 1)))
    reads_reset = phase.reads_reset

    @inlined
    def walk(d, frame, t, begin):
        streams, inputs, units, pitch = d.streams, d.inputs, d.units, d.pitch
        size = streams * pitch
        now = (t & 1) * size
        factor = d.reset if reads_reset else moved(d.held, now)
        apart = d.tiles >= _OWN_TILES * frame.members and d.tiles % frame.members == 0
        first, end = (0, pitch // own) if apart else portion(frame, pitch // own)
        # One of each thread's in turn: the larger ones come first.
        first_tile, stride = (frame.member, frame.members) if apart else (0, 1)
        for number in range(first, end):
            # Every other step from the last panel to the first: the cache still holds the weights that were read last.
            panel = first + end - 1 - number if t & 1 else number
            place = begin + panel
            for k in range(first_tile, d.tiles, stride):
                row = k * (rows - 1) + min(k, d.large)
                at, stream = row * pitch + panel * own, (t + 1) * streams + row
                tile = (
                    moved(d.sums, t * d.sums_step + row * d.sums_pitch + place * input_width),
                    moved(d.state_bias, panel * own),
                    moved(d.x, (t * streams + row) * inputs),
                    moved(d.input_weights, place * inputs * input_width),
                    moved(factor, row * pitch),
                    moved(d.weights, place * units * width),
                    moved(d.held, now + at),
                    moved(d.held, size - now + at),
                    moved(d.cells, at),
                    moved(d.reset, at),
                    moved(d.out, t * size + at),
                    moved(d.kept, stream),
                    moved(d.cell_kept, stream),
                    inputs,
                    units,
                    pitch,
                    d.sums_pitch,
                )
                if k < d.large:
                    large(*tile)
                else:
                    small(*tile)
        if not apart:
            meet(frame)

    return walk


def walk_body(rows: int, kind: Kind, target: Target) -> KernelBody:
    """Return the loop over the steps, as Numba compiles it."""
    first, *more = (_walk_of(rows, phase, target) for phase in kind.phases)
    if not more:

        def walk(d, frame):
            for t in range(d.steps):
                first(d, frame, t, 0)

        return walk
    (second,) = more
    own = VECTORS * target.lanes // len(kind.phases[0].inputs)

    def walk_twice(d, frame):
        for t in range(d.steps):
            first(d, frame, t, 0)
            second(d, frame, t, d.pitch // own)

    return walk_twice
