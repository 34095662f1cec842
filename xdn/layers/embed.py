"""Embed: a learned vector for each number."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, WeightAxes, Weights
from xdn.layers.base import CaffeLayer, Message, fillers, layer_type, one_bottom, proto


@layer_type("Embed")
class Embed(CaffeLayer):
    """Embed: every element of the bottom, a number below `input_dim`, becomes `num_output` values.

    The source is Caffe's embed_layer.cpp; numbers outside of the range, which it does not check, give the nearest row.
    """

    message = Message("EmbedParameter", "embed_param", 137)
    unused = fillers(weight_filler=4, bias_filler=5)
    always_jumps = True  # From one row to the next.

    num_output: int = proto(1, "uint32", default=0)
    input_dim: int = proto(2, "uint32", default=0)
    bias_term: bool = proto(3, "bool", default=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape, then num_output."""
        bottom = one_bottom(bottoms)
        if self.num_output < 1 or self.input_dim < 1:
            raise ShapeError(f"num_output {self.num_output} and input_dim {self.input_dim}; both must be positive")
        Blob(self.weight_shapes(bottoms)["weight"])
        return (Blob((*bottom.shape, self.num_output)),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (input_dim, num_output), bias (num_output,)."""
        weight: dict[str, WeightAxes] = {"weight": (self.input_dim, self.num_output)}
        return weight | ({"bias": (self.num_output,)} if self.bias_term else {})

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Rows of the weight, and the bias."""
        # In f64, which holds every row's number.
        rows = np.nan_to_num(bottoms[0].astype(np.float64)).clip(0, self.input_dim - 1).astype(np.int64)
        found = weights["weight"][rows]
        return (found + weights["bias"] if self.bias_term else found,)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Numbers of rows, all alike."""
        return rng.integers(0, self.input_dim, shape).astype(np.float32)
