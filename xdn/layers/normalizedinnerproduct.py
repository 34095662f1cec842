"""NormalizedInnerProduct: an InnerProduct whose rows of weights have length 1."""

from math import prod
from typing import Any

import numpy as np

from xdn.graph import Array, Arrays, Weights
from xdn.layers.base import layer_type, proto
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.portable import Library, Portable
from xdn.layers.rows import Rows


@layer_type("NormalizedInnerProduct")
class NormalizedInnerProduct(Rows, Portable):
    """NormalizedInnerProduct: Y[m, k] = b[k] + sum_i W[k, i] / sqrt(sum_j W[k, j]**2 + 1e-6) * X[m, i].

    What an InnerProduct with `normalize: true` is in happynear's caffe-windows (Wang et al. 2017, NormFace); reading
    gives it this name, which is ours. The source is its inner_product_layer.cpp.
    """

    message = InnerProduct.message
    fixed_because = "scales its weights by their length over all channels"

    normalize: bool = proto(2001, "bool", default=False)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The lengths, then one matrix product, then the bias."""
        x, weight = bottoms[0], weights["weight"]
        kept = tuple(x.shape)[: self.axis % x.ndim]
        length: Any = lib.sqrt((weight * weight).sum(-1) + np.float32(1e-6))
        y = lib.matmul(x.reshape(prod(kept), -1), (weight / length.reshape(-1, 1)).T)
        return ((y + weights["bias"] if self.bias_term else y).reshape(*kept, self.num_output),)
