"""What goes from step to step, in vectors: where the sums of a panel end for LSTM, RNN and GRU.

A step has one phase, or two where sums need what others of the same step gave. A panel of a phase holds the sums of the
same units side by side, so that one tile can end them::

    LSTM                         i f o g          c = sigmoid(f) * c + sigmoid(i) * tanh(g);  h = sigmoid(o) * tanh(c)
    RNN                          z                h = tanh(z)
    GRU                          z r              r = sigmoid(r) * k, of the state k that is kept;  z = sigmoid(z)
                                 n, of r          n = tanh(n);  h = n + z * (k - n)
    GRU, reset after a product   z r p n          n = tanh(n + sigmoid(r) * p);  h = n + sigmoid(z) * (k - n)

The last one's p is what the state gives for n, and n what the inputs give: to each the other gives nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.layers.recurrent import Cell
from xdn.layers.sigmoid import Sigmoid


@dataclass(frozen=True)
class Ends:
    """Where a stream's numbers for the units of a panel are.

    Parameters
    ----------
    state, next_state : pointers to f32
        h, times what is kept of it, of the step before and of this one.
    cells : pointer to f32
        What units keep for themselves: c of an LSTM, z of a GRU's first phase.
    reset : pointer to f32
        r * h of a GRU.
    out : pointer to f32
    kept, cell_kept : vectors
        By what h and c are multiplied before the next step.
    """

    state: ir.Value
    next_state: ir.Value
    cells: ir.Value
    reset: ir.Value
    out: ir.Value
    kept: ir.Value
    cell_kept: ir.Value

    def give(self, b: VectorBuilder, h: ir.Value, vector: int = 0) -> None:
        """Store h of a vector of units."""
        b.store(h, self.out, vector)
        b.store(b.mul(h, self.kept), self.next_state, vector)


#: (builder, the sums of a stream in a panel, where its numbers are) -> None.
End = Callable[[VectorBuilder, Sequence[ir.Value], Ends], None]


@dataclass(frozen=True)
class Phase:
    """Sums that are ended together.

    Parameters
    ----------
    inputs, hidden : tuple
        Of which gate of the cell's weights each sum of a unit is; None where it has none.
    end : callable
    reads_reset : bool
        Whether the product is that of r * h.
    """

    inputs: tuple[int | None, ...]
    hidden: tuple[int | None, ...]
    end: End
    reads_reset: bool = False


@dataclass(frozen=True)
class Kind:
    """What the steps of a layer are.

    Parameters
    ----------
    name : str
        What the kernel is called.
    phases : tuple of Phase
    """

    name: str
    phases: tuple[Phase, ...]

    @property
    def fewest(self) -> int:
        """Sums of a unit in the phase that has the fewest."""
        return min(len(phase.inputs) for phase in self.phases)

    @staticmethod
    def of(cell: Cell) -> "Kind":
        """Return what the weights of a cell are for."""
        gates = len(cell.bias) // cell.hidden.shape[1]
        return _GRU_AFTER if cell.hidden_bias is not None else {1: _RNN, 3: _GRU, 4: _LSTM}[gates]


def _lstm(b: VectorBuilder, sums: Sequence[ir.Value], ends: Ends) -> None:
    i, f, o = (Sigmoid.formula(b, gate) for gate in sums[:3])
    c = b.add(b.mul(f, b.load(ends.cells)), b.mul(i, b.tanh(sums[3])))
    b.store(b.mul(c, ends.cell_kept), ends.cells)
    ends.give(b, b.mul(o, b.tanh(c)))


def _rnn(b: VectorBuilder, sums: Sequence[ir.Value], ends: Ends) -> None:
    for vector, z in enumerate(sums):
        ends.give(b, b.tanh(z), vector)


def _gru_gates(b: VectorBuilder, sums: Sequence[ir.Value], ends: Ends) -> None:
    vectors = len(sums) // 2
    for vector, (z, r) in enumerate(zip(sums[:vectors], sums[vectors:], strict=True)):
        b.store(Sigmoid.formula(b, z), ends.cells, vector)
        b.store(b.mul(Sigmoid.formula(b, r), b.load(ends.state, vector)), ends.reset, vector)


def _mixed(b: VectorBuilder, z: ir.Value, n: ir.Value, state: ir.Value) -> ir.Value:
    """Return n + z * (state - n)."""
    return b.fma(z, b.sub(state, n), n)


def _gru_new(b: VectorBuilder, sums: Sequence[ir.Value], ends: Ends) -> None:
    for vector, n in enumerate(sums):
        z, state = b.load(ends.cells, vector), b.load(ends.state, vector)
        ends.give(b, _mixed(b, z, b.tanh(n), state), vector)


def _gru_after(b: VectorBuilder, sums: Sequence[ir.Value], ends: Ends) -> None:
    z, r = (Sigmoid.formula(b, gate) for gate in sums[:2])
    n = b.tanh(b.fma(r, sums[2], sums[3]))
    ends.give(b, _mixed(b, z, n, b.load(ends.state)))


_LSTM = Kind("lstm", (Phase((0, 1, 2, 3), (0, 1, 2, 3), _lstm),))
_RNN = Kind("rnn", (Phase((0,), (0,), _rnn),))
_GRU = Kind("gru", (Phase((0, 1), (0, 1), _gru_gates), Phase((2,), (2,), _gru_new, reads_reset=True)))
_GRU_AFTER = Kind("gru_after", (Phase((0, 1, None, 2), (0, 1, 2, None), _gru_after),))
