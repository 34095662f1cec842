"""Sequences step by step, in machine code: LSTM, Lstm and RNN.

Units of the hidden state are vectors, streams are rows of register tiles::

    for t, panel, tile:                                    a panel: a vector of units with its four gates
        acc[r][v] = sums[t][r][v]
        for i in range(inputs):
            acc[r][v] += x[t][r][i] * wx[i][v]
        for k in range(units):
            acc[r][v] += held[r][k] * w[k][v]              h of the step before, times what is kept of it
        c[r] = sigmoid(f) * c[r] + sigmoid(i) * tanh(g)    of an RNN h[r][v] = tanh(acc[r][v])
        h[r] = sigmoid(o) * tanh(c[r])
        out[t][r], held'[r], c[r] = h[r], h[r] * kept[t + 1][r], c[r] * cell_kept[t + 1][r]

Few streams would read the weights of the inputs for few products: the products of all steps are one product of matrices
then (`product.py`), which gives the sums that the walk begins with, and the walk has no inputs. Of many streams that
matrix would be larger than caches are, and the sums begin with the bias.

Where there are enough streams, each thread walks over all steps with tiles of its own. Else threads share the panels;
`held` is two buffers in turn, so that they meet only after each step. Streams are spread evenly over tiles: the first
ones have as many rows as the kernel's name says, the others one less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.source import KernelBody
from xdn.codegen.target import Target, host_target
from xdn.element import real
from xdn.graph import Array, Layer
from xdn.kernels.contract.channel_kernel import contract_positions
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.portion import portion
from xdn.kernels.whole.layers import WHOLE_LAYERS, call
from xdn.kernels.whole.product import VECTORS, Factor, made_once, packed, room, spread_rows
from xdn.layers.recurrent import Cell, Sequences, Steps
from xdn.layers.sigmoid import Sigmoid

_GATES = 4
#: From how many tiles a thread on each walks with its own: every thread then reads all weights in each step.
_OWN_TILES = 2
#: From how many tiles on the walk multiplies the inputs.
_OWN_INPUTS = 3


class Walk(Descriptor):
    """What goes over the steps is told; pitches are those of a stream, in numbers.

    sums, sums_pitch, sums_step
        With what the sums begin; the numbers of a step, 0 where all steps begin with the same.
    x, input_weights, inputs
        (steps, streams, inputs); there may be none.
    large, tiles
        Tiles with as many rows as the kernel's, and all.
    held, cells
        (2, streams, pitch), in turn; (streams, pitch).
    kept, cell_kept
        (steps + 1, streams).
    """

    sums, x, input_weights, weights, kept, cell_kept, out, held, cells = (Pointer() for _ in range(9))
    steps, streams, large, tiles, inputs, units, panels, pitch, sums_pitch, sums_step = (Size() for _ in range(10))


def _lstm_cell(b: VectorBuilder, acc: Sequence[ir.Value], c: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return (h, c) of a vector of units whose gates are summed."""
    i, f, o = (Sigmoid.formula(b, gate) for gate in acc[:3])
    c = b.add(b.mul(f, c), b.mul(i, b.tanh(acc[3])))
    return b.mul(o, b.tanh(c)), c


def _tile_of(rows: int, gates: int, target: Target) -> Any:
    """Return what computes a tile of so many streams."""

    @emitted(VOID, *[POINTER] * 10, *[I64] * 4)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        (sums, x, input_weights, held, weights, cells, out, next_held, kept, cell_kept), sizes = args[:10], args[10:]
        inputs, units, pitch, sums_pitch = sizes

        def each(pointer: ir.Value, of_row: ir.Value) -> list[ir.Value]:
            return [b.offset(pointer, b.ir.mul(of_row, b.const(r))) for r in range(rows)]

        acc = [b.load(row, v) for row in each(sums, sums_pitch) for v in range(VECTORS)]
        acc = contract_positions(b, each(x, inputs), input_weights, inputs, acc)
        acc = contract_positions(b, each(held, pitch), weights, units, acc)
        for r in range(rows):
            at, vectors = b.ir.mul(pitch, b.const(r)), acc[r * VECTORS : (r + 1) * VECTORS]
            if gates == _GATES:
                own = b.offset(cells, at)
                h, c = _lstm_cell(b, vectors, b.load(own))
                b.store(b.mul(c, b.broadcast(b.scalar(cell_kept, r))), own)
                shown = [h]
            else:
                shown = [b.tanh(value) for value in vectors]
            factor = b.broadcast(b.scalar(kept, r))
            for v, h in enumerate(shown):
                b.store(h, b.offset(out, at), v)
                b.store(b.mul(h, factor), b.offset(next_held, at), v)

    return tile


def _walk(rows: int, gates: int, target: Target) -> KernelBody:
    width = VECTORS * target.lanes
    own = width // gates  # Units of a panel.
    large, small = (_tile_of(each, gates, target) for each in (rows, max(1, rows - 1)))

    def walk(d, frame):
        streams, inputs, units, pitch, sums_pitch = d.streams, d.inputs, d.units, d.pitch, d.sums_pitch
        size = streams * pitch
        apart = d.tiles >= _OWN_TILES * frame.members and d.tiles % frame.members == 0
        first, end = (0, d.panels) if apart else portion(frame, d.panels)
        # One of each thread's in turn: the larger ones come first.
        first_tile, stride = (frame.member, frame.members) if apart else (0, 1)
        for t in range(d.steps):
            now = (t & 1) * size
            then = size - now
            for panel in range(first, end):
                input_weights = moved(d.input_weights, panel * inputs * width)
                weights = moved(d.weights, panel * units * width)
                for k in range(first_tile, d.tiles, stride):
                    row = k * (rows - 1) + min(k, d.large)
                    at, stream = row * pitch + panel * own, (t + 1) * streams + row
                    tile = (
                        moved(d.sums, t * d.sums_step + row * sums_pitch + panel * width),
                        moved(d.x, (t * streams + row) * inputs),
                        input_weights,
                        moved(d.held, now + row * pitch),
                        weights,
                        moved(d.cells, at),
                        moved(d.out, t * size + at),
                        moved(d.held, then + at),
                        moved(d.kept, stream),
                        moved(d.cell_kept, stream),
                        inputs,
                        units,
                        pitch,
                        sums_pitch,
                    )
                    if k < d.large:
                        large(*tile)
                    else:
                        small(*tile)
            if not apart:
                meet(frame)

    return walk


@dataclass(frozen=True)
class Packed:
    """The weights of a cell as the kernels read them.

    Parameters
    ----------
    inputs : Factor
        With the bias; columns in the order of panels, in each gate by gate.
    static : Factor, optional
        Of a static input.
    hidden : (panels, H, columns of a panel) f32
    gates : int
        4 of an LSTM, 1 of an RNN.
    pitch : int
        Units, filled up.
    """

    inputs: Factor
    static: Factor | None
    hidden: Array
    gates: int
    pitch: int

    @staticmethod
    def of(cell: Cell) -> "Packed":
        """Pack the weights of a cell."""
        width, units = VECTORS * host_target().lanes, cell.hidden.shape[1]
        gates = len(cell.bias) // units
        own = width // gates
        pitch = -(-units // own) * own

        def in_order(array: Array) -> Array:
            """Return rows (gates * units, ...) as (panels * width, ...), zeros where there are no units."""
            whole = np.zeros((gates, pitch, *array.shape[1:]), real)
            whole[:, :units] = array.reshape(gates, units, *array.shape[1:])
            parted = whole.reshape(gates, pitch // own, own, *array.shape[1:])
            return parted.swapaxes(0, 1).reshape(gates * pitch, *array.shape[1:])

        static = None if cell.static is None else Factor(in_order(cell.static), None)
        inputs = Factor(in_order(cell.inputs), in_order(cell.bias))
        return Packed(inputs, static, packed(in_order(cell.hidden), width), gates, pitch)

    def walk(self, given: Sequences, units: int) -> tuple[Array, Sequence[Array]]:
        """Return h of all steps (T, N, units) and the states after the last one, h and of an LSTM c."""
        steps, streams, _ = given.x.shape
        kept, cell_kept = (np.vstack([each, np.ones((1, streams), real)]) for each in (given.kept, given.cell_kept))
        states = [np.zeros((streams, self.pitch), real) for _ in range(2)]
        for state, start, factor in zip(states, given.start, (kept, cell_kept), strict=False):
            state[:, :units] = start * factor[0, :, None]
        held, cells = aligned_vectors(states[0], 2 * states[0].size), aligned_vectors(states[1])
        out = room(steps, streams, self.pitch)
        states_words = {"kept": kept, "cell_kept": cell_kept, "held": held, "cells": cells}
        self._call(steps, units, out=out, **states_words, **self._begin(given))
        hidden = np.ascontiguousarray(out[:, :, :units])
        last = hidden[-1], np.ascontiguousarray(cells.reshape(streams, self.pitch)[:, :units])
        return hidden, last[: 2 if self.gates == _GATES else 1]

    def _begin(self, given: Sequences) -> dict[str, Any]:
        """Return with what the sums of a step begin, and what of the inputs is left to the walk, as `Walk` is told."""
        steps, streams, inputs = given.x.shape
        x, pitch = np.ascontiguousarray(given.x, real).reshape(steps * streams, inputs), self.inputs.pitch
        static = None
        if self.static is not None and given.static is not None:
            static = self.static.times(np.ascontiguousarray(given.static, real))
        if spread_rows(streams, host_target())[2] < _OWN_INPUTS:
            sums = self.inputs.times(x).reshape(steps, streams, pitch)
            if static is not None:
                sums += static
            return {"sums": sums, "sums_pitch": pitch, "sums_step": streams * pitch, "inputs": 0, "x": x}
        told = {"x": x, "inputs": inputs, "sums_step": 0}
        if static is None:
            return {"sums": self.inputs.bias, "sums_pitch": 0, **told}
        return {"sums": aligned_vectors(static + self.inputs.bias), "sums_pitch": pitch, **told}

    def _call(self, steps: int, units: int, **words: Any) -> None:
        """Run the kernel."""
        target, streams = host_target(), words["kept"].shape[1]
        rows, large, tiles = spread_rows(streams, target)
        sizes = {"steps": steps, "streams": streams, "large": large, "tiles": tiles, "units": units}
        sizes |= {"panels": len(self.hidden) // (units * VECTORS * target.lanes), "pitch": self.pitch}
        weights = {"input_weights": self.inputs.weights, "weights": self.hidden}
        op = "lstm" if self.gates == _GATES else "rnn"
        told = Walk(**weights, **sizes, **words)
        call(op, lambda: _walk(rows, self.gates, target), told, tile=(rows, VECTORS), shared=True)


@WHOLE_LAYERS.register("LSTM", "Lstm")
def lstm(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Walk over the steps."""
    params: Steps = layer.params  # type: ignore[assignment]
    cell = params.cell(layer.weights)
    given = params.sequences(np, bottoms)
    if not given.x.size:
        return layer.forward(bottoms)
    ready = made_once(layer, lambda: Packed.of(cell))
    return params.tops(*ready.walk(given, cell.hidden.shape[1]), bottoms)


@WHOLE_LAYERS.register("RNN")
def rnn(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Walk over the steps; then all outputs by one product."""
    params: Steps = layer.params  # type: ignore[assignment]
    cell, weights = params.cell(layer.weights), layer.weights
    given = params.sequences(np, bottoms)
    if not given.x.size:
        return layer.forward(bottoms)
    ready, output = made_once(
        layer, lambda: (Packed.of(cell), Factor(weights["output.weight"], weights["output.bias"]))
    )
    units = cell.hidden.shape[1]
    hidden, last = ready.walk(given, units)
    made = np.tanh(output.times(hidden.reshape(-1, units))[:, :units])
    return params.tops(np.ascontiguousarray(made).reshape(hidden.shape), last, bottoms)
