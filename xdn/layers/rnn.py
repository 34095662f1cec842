"""RNN: Caffe's plain recurrent layer, with outputs of its own or without."""

from collections.abc import Sequence
from math import prod

from xdn.graph import Array, Blob, Shape, Weights
from xdn.layers.base import layer_type, proto
from xdn.layers.portable import Library
from xdn.layers.recurrent import Cell, Recurrent, Sequences


@layer_type("RNN")
class RNN(Recurrent):
    """RNN: h = tanh of x, of a static input and of the h before, each times its weights; the top is tanh of h times W.

    The state is h. The source is Caffe's rnn_layer.cpp. With `tf_rnn`, a field of Synopsys' Caffe, the top is h.
    """

    states = ("h",)

    tf_rnn: bool = proto(7, "bool", default=False)

    def _weight_axes(self, x: Blob, static: Blob | None) -> dict[str, Shape]:
        """Return what Caffe calls W_xh, b_h, W_xh_static, W_hh, W_ho and b_o."""
        rows = self.num_output
        found: dict[str, Shape] = {"input.weight": (rows, prod(x.shape[2:])), "input.bias": (rows,)}
        if static is not None:
            found["static.weight"] = (rows, prod(static.shape[1:]))
        found["hidden.weight"] = (rows, rows)
        return found if self.tf_rnn else found | {"output.weight": (rows, rows), "output.bias": (rows,)}

    def steps(self, lib: Library, given: Sequences, weights: Weights) -> tuple[Array, Sequence[Array]]:
        """The state after every step, then all outputs by one product, where there are any."""
        hidden, last = rnn_steps(lib, given, self.cell(lib, weights))
        if self.tf_rnn:
            return hidden, [last]
        rows = hidden.reshape(-1, self.num_output) @ weights["output.weight"].T + weights["output.bias"]
        return lib.tanh(rows).reshape(hidden.shape), [last]


def rnn_steps(lib: Library, given: Sequences, cell: Cell) -> tuple[Array, Array]:
    """Return (h of all steps (T, N, H), the last h)."""
    sums = cell.of_inputs(given)
    # Zeros, also where there are no steps.
    (h,) = given.start or (sums[:0].sum(0),)
    out = []
    for t in range(len(sums)):
        h = lib.tanh(sums[t] + (given.kept[t][:, None] * h) @ cell.hidden.T)
        out.append(h)
    return (lib.stack(out) if out else sums), h
