"""What InnerProduct and the layers like it share: K rows that meet every axis from `axis` on."""

from dataclasses import dataclass
from math import prod

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs, WeightAxes
from xdn.layers.base import CaffeLayer, fillers, one_bottom, proto


@dataclass(frozen=True)
class Rows(CaffeLayer):
    """Base of the layers with K rows of weights, and K biases; their fields are those of InnerProductParameter."""

    unused = fillers(weight_filler=3, bias_filler=4)

    num_output: int = proto(1, "uint32", default=0)
    bias_term: bool = proto(2, "bool", default=True)
    axis: int = proto(5, "int32", default=1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(..., d_axis, ..., d_last) -> (..., K)."""
        bottom = one_bottom(bottoms)
        self.check_rows()
        # A blob's bounds hold for the weights too: no file can ask for more memory than a blob may.
        Blob(self.weight_shapes(bottoms)["weight"])
        return (Blob((*bottom.shape[: bottom.axis(self.axis)], self.num_output)),)

    def check_rows(self) -> None:
        """Raise ShapeError where there is no row."""
        if self.num_output < 1:
            raise ShapeError(f"num_output is {self.num_output}; it must be positive")

    def inputs(self, bottoms: Blobs) -> int:
        """Return how many values a row meets: those of all axes from `axis` on."""
        return prod(bottoms[0].shape[bottoms[0].axis(self.axis) :])

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, inputs), bias (K,)."""
        weight: dict[str, WeightAxes] = {"weight": (self.num_output, self.inputs(bottoms))}
        return weight | ({"bias": (self.num_output,)} if self.bias_term else {})

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Outputs times inputs."""
        return tops[0].size * self.inputs(bottoms)

    def joins_images(self, bottoms: Blobs) -> bool:
        """From the batch axis on."""
        return bottoms[0].axis(self.axis) == 0
