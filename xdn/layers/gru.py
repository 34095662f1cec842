"""GRU: gated recurrent units, those of Synopsys' Caffe."""

from collections.abc import Sequence
from math import prod

from xdn.graph import Array, Blob, Shape, Weights
from xdn.layers.base import layer_type, proto
from xdn.layers.portable import Library
from xdn.layers.recurrent import Cell, Recurrent, Sequences, gru_steps


@layer_type("GRU")
class GRU(Recurrent):
    """GRU: h = z * h + (1 - z) * n; the gates z, r and what is new, n, are of x, of a static input and of h, r times.

    The state is h (Cho et al. 2014). Where `linear_before_reset` is 0, n is of r * h; else r multiplies what h gives
    for n, after its bias was added, as in PyTorch. The source is Synopsys' gru_layer.cpp; ONNX's GRU is the same.
    """

    states = ("h",)

    linear_before_reset: int = proto(8, "uint32", default=0)

    @classmethod
    def of_caffe(cls) -> bool:
        """Only the message is Caffe's."""
        return False

    def _weight_axes(self, x: Blob, static: Blob | None) -> dict[str, Shape]:
        """Return what the fork calls W_xc, b_c, W_xc_static, R_z, R_r, R_h and Rb_h."""
        rows = self.num_output
        found: dict[str, Shape] = {"input.weight": (3 * rows, prod(x.shape[2:])), "input.bias": (3 * rows,)}
        if static is not None:
            found["static.weight"] = (3 * rows, prod(static.shape[1:]))
        found |= {f"hidden.{gate}": (rows, rows) for gate in "zrn"}
        return found | ({"hidden.bias": (rows,)} if self.linear_before_reset else {})

    def cell(self, lib: Library, weights: Weights) -> Cell:
        """Return the weights by their purpose, those of the state as one."""
        return Cell(
            weights["input.weight"],
            weights["input.bias"],
            lib.concatenate([weights[f"hidden.{gate}"] for gate in "zrn"]),
            weights.get("static.weight"),
            weights.get("hidden.bias"),
        )

    def steps(self, lib: Library, given: Sequences, weights: Weights) -> tuple[Array, Sequence[Array]]:
        """The state after every step."""
        return gru_steps(lib, given, self.cell(lib, weights))
