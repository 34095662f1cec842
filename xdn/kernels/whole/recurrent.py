"""Sequences step by step: LSTM, Lstm, RNN and GRU.

Few streams would read the weights of the inputs for few products: the products of all steps are one product of matrices
(`product.py`), which gives the sums that the walk (`steps.py`) begins with, and the walk has no inputs. Of many streams
that matrix would be larger than caches are: the sums begin with the bias, and the walk multiplies the inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn.codegen.target import host_target
from xdn.element import real
from xdn.graph import Array, Layer, Weights
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.whole.cells import Kind
from xdn.kernels.whole.layers import WHOLE_LAYERS, call
from xdn.kernels.whole.product import VECTORS, Factor, made_once, packed, room, spread_rows
from xdn.kernels.whole.steps import Walk, vectors_of, walk_body
from xdn.layers.recurrent import Cell, Sequences, Steps

#: From how many tiles on the walk multiplies the inputs.
_OWN_INPUTS = 3


@dataclass(frozen=True)
class Packed:
    """The weights of a cell as the kernels read them.

    Parameters
    ----------
    kind : Kind
    inputs : Factor
        With the bias; columns in the order of phases and panels, in each sum by sum.
    static : Factor, optional
        Of a static input.
    walked, hidden : (panels, I or H, columns of a panel) f32
        Weights of the inputs, and those of the state.
    state_bias : (pitch,) f32
    units, pitch : int
        H, and as many filled up to whole panels.
    """

    kind: Kind
    inputs: Factor
    static: Factor | None
    walked: Array
    hidden: Array
    state_bias: Array
    units: int
    pitch: int

    @staticmethod
    def of(cell: Cell) -> "Packed":
        """Pack the weights of a cell."""
        width, units, kind = VECTORS * host_target().lanes, cell.hidden.shape[1], Kind.of(cell)
        most = width // kind.fewest
        pitch = -(-units // most) * most

        def in_order(array: Array, of_state: bool = False) -> Array:
            """Return rows (gates * units, ...) as those of all panels, zeros where there are no units."""
            gates = array.reshape(-1, units, *array.shape[1:])
            found = []
            for phase in kind.phases:
                sums = [gate for gate in (phase.hidden if of_state else phase.inputs) if gate is not None]
                whole = np.zeros((len(sums), pitch, *array.shape[1:]), real)
                whole[:, :units] = gates[sums]
                parted = whole.reshape(len(sums), -1, width // len(phase.inputs), *array.shape[1:]).swapaxes(0, 1)
                found.append(parted.reshape(-1, *array.shape[1:]))
            return np.concatenate(found)

        def panels(array: Array, of_state: bool = False) -> Array:
            """Return rows of weights, packed panel by panel."""
            first = kind.phases[0]
            vectors = vectors_of(first.hidden if of_state else first.inputs)
            return packed(in_order(array, of_state), len(vectors) * host_target().lanes)

        inputs = Factor(in_order(cell.inputs), in_order(cell.bias))
        # Panels of as many vectors as those of a product are packed alike.
        walked = panels(cell.inputs) if None in kind.phases[0].inputs else inputs.weights
        static = None if cell.static is None else Factor(in_order(cell.static), None)
        state_bias = np.zeros(0, real) if cell.hidden_bias is None else cell.hidden_bias
        return Packed(
            kind,
            inputs,
            static,
            walked,
            panels(cell.hidden, of_state=True),
            aligned_vectors(state_bias, pitch),
            units,
            pitch,
        )

    def walk(self, given: Sequences) -> tuple[Array, Sequence[Array]]:
        """Return h of all steps (T, N, units), and what units keep after the last one: h, and of an LSTM c."""
        (steps, streams, _), units = given.x.shape, self.units
        kept, cell_kept = (np.vstack([each, np.ones((1, streams), real)]) for each in (given.kept, given.cell_kept))
        states = [np.zeros((streams, self.pitch), real) for _ in range(3)]
        for state, start, factor in zip(states, given.start, (kept, cell_kept), strict=False):
            state[:, :units] = start * factor[0, :, None]
        held, cells, reset = aligned_vectors(states[0], 2 * states[0].size), *map(aligned_vectors, states[1:])
        out = room(steps, streams, self.pitch)
        told = {"kept": kept, "cell_kept": cell_kept, "held": held, "cells": cells, "reset": reset}
        self._call(steps, out=out, **told, **self._begin(given))
        hidden = np.ascontiguousarray(out[:, :, :units])
        return hidden, (hidden[-1], np.ascontiguousarray(cells.reshape(streams, self.pitch)[:, :units]))

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

    def _call(self, steps: int, **words: Any) -> None:
        """Run the kernel."""
        target, streams = host_target(), words["kept"].shape[1]
        rows, large, tiles = spread_rows(streams, target)
        sizes = {"steps": steps, "streams": streams, "large": large, "tiles": tiles, "units": self.units}
        weights = {"input_weights": self.walked, "weights": self.hidden, "state_bias": self.state_bias}
        told = Walk(**weights, **sizes, **words, pitch=self.pitch)
        call(self.kind.name, lambda: walk_body(rows, self.kind, target), told, tile=(rows, VECTORS), shared=True)


@WHOLE_LAYERS.register("LSTM", "Lstm", "RNN", "GRU")
def recurrent(layer: Layer, bottoms: Sequence[Array]) -> tuple[Array, ...]:
    """Walk over the steps; then all outputs of an RNN that has them by one product."""
    params: Steps = layer.params  # type: ignore[assignment]
    given = params.sequences(np, bottoms)
    if not given.x.size:
        return layer.forward(bottoms)
    ready, output = made_once(layer, lambda: _packed(params, layer.weights))
    hidden, last = ready.walk(given)
    if output is not None:
        made = np.tanh(output.times(hidden.reshape(-1, ready.units))[:, : ready.units])
        hidden = np.ascontiguousarray(made).reshape(hidden.shape)
    return params.tops(hidden, last[: len(params.states)], bottoms)


def _packed(params: Steps, weights: Weights) -> tuple[Packed, Factor | None]:
    """Return the weights of a layer's steps, and those of its outputs, where it has any."""
    own = weights.get("output.weight")
    return Packed.of(params.cell(np, weights)), None if own is None else Factor(own, weights["output.bias"])
