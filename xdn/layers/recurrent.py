"""What recurrent layers share: sequences (T, N, ...), and states that go from one step to the next."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, NamedTuple

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, WeightAxes, Weights
from xdn.layers.base import Field, Message, fillers, misfit, proto
from xdn.layers.portable import Library, Portable


class Sequences(NamedTuple):
    """What a recurrent layer is to compute.

    Parameters
    ----------
    x : (T, N, I) f32
        Contiguous.
    kept : (T, N) f32
        By what the hidden state is multiplied before each step.
    cell_kept : (T, N) f32
        The same of an LSTM's cell.
    static : (N, S) f32, optional
        What every step reads beside its own x.
    start : sequence of (N, H) f32
        The states before the first step; empty for zeros.
    """

    x: Array
    kept: Array
    cell_kept: Array
    static: Array | None = None
    start: Sequence[Array] = ()


class Cell(NamedTuple):
    """The weights of what goes from step to step.

    Parameters
    ----------
    inputs : (K, I) f32
        K is 4 * H of an LSTM, whose gates i, f, o, g follow each other, and 3 * H of a GRU: z, r, n.
    bias : (K,) f32
    hidden : (K, H) f32
    static : (K, S) f32, optional
    hidden_bias : (H,) f32, optional
        Of a GRU that is reset after the product with the state: what is added to that product for n.
    """

    inputs: Array
    bias: Array
    hidden: Array
    static: Array | None = None
    hidden_bias: Array | None = None

    def of_inputs(self, given: Sequences) -> Array:
        """Return (T, N, K): what every step adds that does not depend on the state, by one product of all steps."""
        steps, streams, inputs = given.x.shape
        made = given.x.reshape(steps * streams, inputs) @ self.inputs.T + self.bias
        gates: Array = made.reshape(steps, streams, len(self.bias))
        if self.static is not None and given.static is not None:
            gates = gates + given.static @ self.static.T
        return gates


class Bottoms(NamedTuple):
    """The bottoms of a recurrent layer of Caffe's own by their purpose."""

    x: Blob
    kept: Blob | None
    static: Blob | None
    start: Sequence[Blob]


def sigmoid(lib: Library, x: Array) -> Array:
    """Return 1 / (1 + e**-x), which does not overflow."""
    return 0.5 * lib.tanh(0.5 * x) + 0.5  # type: ignore[no-any-return]


def lstm_steps(lib: Library, given: Sequences, cell: Cell) -> tuple[Array, Sequence[Array]]:
    """Return (h of all steps (T, N, H), (the last h, the last c)) of an LSTM.

    ::

        z = inputs of step t + (kept[t] * h) @ hidden.T
        c = cell_kept[t] * sigmoid(z_f) * c + sigmoid(z_i) * tanh(z_g)
        h = sigmoid(z_o) * tanh(c)
    """
    gates, units = cell.of_inputs(given), cell.hidden.shape[1]
    # Zeros, also where there are no steps.
    h, c = given.start or (gates[:0].sum(0)[:, :units],) * 2
    out = []
    for t in range(len(gates)):
        z = gates[t] + (given.kept[t][:, None] * h) @ cell.hidden.T
        i, f, o = (sigmoid(lib, z[:, k * units : (k + 1) * units]) for k in range(3))
        c = given.cell_kept[t][:, None] * f * c + i * lib.tanh(z[:, 3 * units :])
        h = o * lib.tanh(c)
        out.append(h)
    return (lib.stack(out) if out else gates[:, :, :units]), (h, c)


def gru_steps(lib: Library, given: Sequences, cell: Cell) -> tuple[Array, Sequence[Array]]:
    """Return (h of all steps (T, N, H), (the last h,)) of a GRU.

    ::

        k = kept[t] * h
        z, r = sigmoid(inputs of step t + k @ hidden.T)          their rows
        n = tanh(inputs of step t + (r * k) @ hidden.T)          its rows; reset after the product:
        n = tanh(inputs of step t + r * (k @ hidden.T + hidden_bias))
        h = n + z * (k - n)
    """
    gates, units = cell.of_inputs(given), cell.hidden.shape[1]
    of_gates, of_n = cell.hidden[: 2 * units].T, cell.hidden[2 * units :].T
    # Zeros, also where there are no steps.
    (h,) = given.start or (gates[:0].sum(0)[:, :units],)
    out = []
    for t in range(len(gates)):
        kept = given.kept[t][:, None] * h
        both = sigmoid(lib, gates[t][:, : 2 * units] + kept @ of_gates)
        z, r = both[:, :units], both[:, units:]
        known = (r * kept) @ of_n if cell.hidden_bias is None else r * (kept @ of_n + cell.hidden_bias)
        n = lib.tanh(gates[t][:, 2 * units :] + known)
        h = n + z * (kept - n)
        out.append(h)
    return (lib.stack(out) if out else gates[:, :, :units]), (h,)


class Steps(Portable):
    """Base of the layers that go over sequences step by step; axis 0 of their first bottom is time."""

    #: The states' names.
    states: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def sequences(self, lib: Library, bottoms: Arrays) -> Sequences:
        """Return the bottoms by their purpose."""

    def cell(self, lib: Library, weights: Weights) -> Cell:
        """Return the weights of what goes from step to step, by their purpose."""
        return Cell(
            weights["input.weight"], weights["input.bias"], weights["hidden.weight"], weights.get("static.weight")
        )

    @abstractmethod
    def steps(self, lib: Library, given: Sequences, weights: Weights) -> tuple[Array, Sequence[Array]]:
        """Return what all steps give (T, N, H), and the states after the last one (N, H)."""

    @abstractmethod
    def tops(self, out: Array, last: Sequence[Array], bottoms: Arrays) -> tuple[Array, ...]:
        """Return the tops for what `steps` gave."""

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Step by step; the products of the inputs of all steps at once, as Caffe computes them."""
        return self.tops(*self.steps(lib, self.sequences(lib, bottoms), weights), bottoms)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Up to six times what all steps give, and what they read."""
        return 6 * tops[0].bytes + bottoms[0].bytes

    def joins_images(self, bottoms: Blobs) -> bool:
        """What is computed for a step depends on those before."""
        return True

    def why_fixed(self, bottoms: Blobs) -> str:
        """Say what axis 1 is."""
        return "goes over sequences, whose axis 1 are streams"


@dataclass(frozen=True)
class Recurrent(Steps):
    """Base of Caffe's own recurrent layers; the source is recurrent_layer.cpp.

    The bottoms are x (T, N, ...), an indicator (T, N) of what goes on (0 where a sequence begins), where there is one
    more a static input (N, ...), and with `expose_hidden` the states (1, N, H) before the first step. The tops are
    (T, N, H), and with `expose_hidden` the states after the last step. Caffe remembers these from one call to the next
    otherwise; here every call begins with zeros. Two fields are those of Synopsys' Caffe: with `continue_recur` all
    steps go on, and there is no indicator; with `default_initial` the states after the last step are tops, though none
    are given.
    """

    message = Message("RecurrentParameter", "recurrent_param", 146)
    unused = {**fillers(weight_filler=2, bias_filler=3), "debug_info": Field(4, "bool")}

    num_output: int = proto(1, "uint32", default=0)
    expose_hidden: bool = proto(5, "bool", default=False)
    continue_recur: bool = proto(14, "bool", default=False)
    default_initial: bool = proto(13, "bool", default=False)

    @property
    def states_given(self) -> int:
        """How many bottoms are states before the first step."""
        return len(self.states) if self.expose_hidden and not self.default_initial else 0

    @property
    def states_shown(self) -> int:
        """How many tops are states after the last step."""
        return len(self.states) if self.expose_hidden or self.default_initial else 0

    def parted(self, bottoms: Blobs) -> Bottoms:
        """Return the bottoms by their purpose; raise ShapeError where their number or shapes do not fit."""
        exposed = self.states_given
        told = 0 if self.continue_recur else 1
        if len(bottoms) - exposed - told not in (1, 2):
            indicator = ", an indicator (T, N)" if told else ""
            states = f", and the states {' and '.join(self.states)}" if exposed else ""
            raise misfit(bottoms, f"x (T, N, ...){indicator}, where there is one a static input{states}")
        if self.num_output < 1:
            raise ShapeError(f"num_output is {self.num_output}; it must be positive")
        x, *others = bottoms[: len(bottoms) - exposed]
        kept, static = next(iter(others[:told]), None), others[told:]
        if len(x.shape) < 3:
            raise ShapeError(f"a bottom of shape {x.shape}; it takes (T, N, ...), steps of several streams")
        steps, streams, *_ = x.shape
        if kept is not None and kept.shape != (steps, streams):
            raise ShapeError(f"an indicator of shape {kept.shape}; of {x.shape} it is ({steps}, {streams})")
        if static and (len(static[0].shape) < 2 or static[0].shape[0] != streams):
            raise ShapeError(f"a static input of shape {static[0].shape}; it is ({streams}, ...)")
        start = bottoms[len(bottoms) - exposed :]
        if any(blob.shape != (1, streams, self.num_output) for blob in start):
            shapes = [blob.shape for blob in start]
            raise ShapeError(f"states of shapes {shapes}; they are (1, {streams}, {self.num_output})")
        for shape in self._weight_axes(x, static[0] if static else None).values():
            # A blob's bounds hold for the weights too: no file can ask for more memory than a blob may.
            Blob(shape)
        return Bottoms(x, kept, static[0] if static else None, start)

    @abstractmethod
    def _weight_axes(self, x: Blob, static: Blob | None) -> dict[str, Shape]:
        """Return name -> shape of the weights, in the order in which Caffe's unrolled net names them."""

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """As Caffe's unrolled net names them, in its order."""
        found = self.parted(bottoms)
        return dict(self._weight_axes(found.x, found.static))

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(T, N, ...) -> (T, N, H), and the states (1, N, H)."""
        steps, streams, *_ = self.parted(bottoms).x.shape
        expected = 1 + self.states_shown
        if n_tops != expected:
            states = "with" if self.states_shown else "without"
            raise ShapeError(
                f"{n_tops} tops; {states} states, as expose_hidden and default_initial say, it is {expected}"
            )
        state = Blob((1, streams, self.num_output))
        return (Blob((steps, streams, self.num_output)), *(state,) * (expected - 1))

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Each step and stream every weight but those of the static input, which each stream meets once."""
        found = self.parted(bottoms)
        steps, streams, *_ = found.x.shape
        sizes = {name: prod(shape) for name, shape in self.weight_shapes(bottoms).items() if len(shape) == 2}
        static = sum(size for name, size in sizes.items() if name.startswith("static"))
        return streams * (steps * (sum(sizes.values()) - static) + static)

    def sequences(self, lib: Library, bottoms: Arrays) -> Sequences:
        """The bottoms, x and the static input as matrices; states begin with zeros where they are not exposed."""
        own = len(bottoms) - self.states_given
        x, *others = bottoms[:own]
        steps, streams, *_ = x.shape
        x = x.reshape(steps, streams, prod(x.shape[2:]))
        kept = lib.ones_like(x[:, :, 0]) if self.continue_recur else others.pop(0)
        rows = others[0].reshape(streams, -1) if others else None
        return Sequences(x, kept, kept, rows, [state[0] for state in bottoms[own:]])

    def tops(self, out: Array, last: Sequence[Array], bottoms: Arrays) -> tuple[Array, ...]:
        """What all steps gave; where they are shown the states too."""
        return (out, *(state[None] for state in last[: self.states_shown]))
