"""NormalizedInnerProduct: an InnerProduct whose rows of weights have length 1."""

from math import prod
from typing import Any

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, WeightAxes, Weights
from xdn.layers.base import fillers, layer_type, one_bottom, proto
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.portable import Library, Portable


@layer_type("NormalizedInnerProduct")
class NormalizedInnerProduct(Portable):
    """NormalizedInnerProduct: Y[m, k] = b[k] + sum_i W[k, i] / sqrt(sum_j W[k, j]**2 + 1e-6) * X[m, i].

    What an InnerProduct with `normalize: true` is in happynear's caffe-windows (Wang et al. 2017, NormFace); reading
    gives it this name, which is ours. The source is its inner_product_layer.cpp.
    """

    message = InnerProduct.message
    unused = fillers(weight_filler=3, bias_filler=4)
    fixed_because = "scales its weights by their length over all channels"

    num_output: int = proto(1, "uint32", default=0)
    bias_term: bool = proto(2, "bool", default=True)
    axis: int = proto(5, "int32", default=1)
    normalize: bool = proto(2001, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(..., d_axis, ..., d_last) -> (..., K)."""
        bottom = one_bottom(bottoms)
        if self.num_output < 1:
            raise ShapeError(f"num_output is {self.num_output}; it must be positive")
        # A blob's bounds hold for the weights too: no file can ask for more memory than a blob may.
        Blob(self.weight_shapes(bottoms)["weight"])
        return (Blob((*bottom.shape[: bottom.axis(self.axis)], self.num_output)),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, inputs), bias (K,)."""
        weight: WeightAxes = (self.num_output, prod(bottoms[0].shape[bottoms[0].axis(self.axis) :]))
        bias: dict[str, WeightAxes] = {"bias": (self.num_output,)} if self.bias_term else {}
        return {"weight": weight, **bias}

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Outputs times inputs."""
        return prod(self.weight_shapes(bottoms)["weight"]) * (tops[0].size // self.num_output)

    def joins_images(self, bottoms: Blobs) -> bool:
        """From the batch axis on."""
        return bottoms[0].axis(self.axis) == 0

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The lengths, then one matrix product, then the bias."""
        x, weight = bottoms[0], weights["weight"]
        kept = tuple(x.shape)[: self.axis % x.ndim]
        length: Any = lib.sqrt((weight * weight).sum(-1) + np.float32(1e-6))
        y = lib.matmul(x.reshape(prod(kept), -1), (weight / length.reshape(-1, 1)).T)
        return ((y + weights["bias"] if self.bias_term else y).reshape(*kept, self.num_output),)
