"""InnerProduct: every axis from `axis` on contracted with K rows of weights."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from xdn.graph import Array, Arrays, Blobs, ChannelAxis, ChannelRule, Quantized, Side, WeightAxes, Weights, WeightsOnly
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.integer import contracted, with_integer_filters
from xdn.layers.rows import Rows


@layer_type("InnerProduct", "CInnerProduct", "InnerProductFloat", "FcRistretto", v1_name="INNER_PRODUCT")
class InnerProduct(Rows):
    """InnerProduct: Y[m, k] = b[k] + sum_i W[k, i] * X[m, i]; i runs over all axes from `axis` on.

    The source is Caffe's inner_product_layer.cpp.
    """

    message = Message("InnerProductParameter", "inner_product_param", 117, 17)
    channel_rule = ChannelRule.FILTERS
    has_bf16_form = True

    transpose: bool = proto(6, "bool", default=False)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, inputs), or (inputs, K) with `transpose`; bias (K,). Only from axis 1 on they are of channels."""
        contracted = bottoms[0].shape[bottoms[0].axis(self.axis) :]
        rows: ChannelAxis | int = self.num_output
        inputs: ChannelAxis | int = prod(contracted)
        if self.channel_rule_for(bottoms) is ChannelRule.FILTERS:
            rows = ChannelAxis(Side.TOP, self.num_output)
            inputs = ChannelAxis(Side.BOTTOM, contracted[0], prod(contracted[1:]))
        weight = {"weight": (inputs, rows) if self.transpose else (rows, inputs)}
        return weight | ({"bias": (rows,)} if self.bias_term else {})

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """One matrix product, then the bias, as Caffe computes it."""
        x = bottoms[0]
        kept = x.shape[: self.axis % x.ndim]
        weight = weights["weight"] if self.transpose else weights["weight"].T
        y = np.matmul(x.reshape(prod(kept), -1), weight)
        if self.bias_term:
            y = y + weights["bias"]
        return (y.reshape(*kept, self.num_output),)

    def why_real(self, bottoms: Blobs) -> str | None:
        """It has an 8-bit form."""
        return None

    def with_integer_filters(self, weights: Weights, read: WeightsOnly) -> Weights:
        """The nearest integers; see `xdn.layers.integer`."""
        return with_integer_filters(self, weights, read)

    @property
    def filter_count(self) -> int:
        """As many as outputs."""
        return self.num_output

    def products(self, bottoms: Blobs) -> int:
        """As many as inputs."""
        return self.inputs(bottoms)

    def quantized_reference(
        self, bottoms: Arrays, read: Sequence[Quantized], weights: Weights, n_tops: int
    ) -> tuple[Array, ...]:
        """The same sums of integers; see `xdn.layers.integer`."""
        return contracted(self, bottoms, read[0], weights, axes_after=0)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """FILTERS from axis 1 on; a later axis leaves the channels where they are; axis 0 leaves none."""
        axis = bottoms[0].axis(self.axis)
        return (ChannelRule.FIXED, ChannelRule.FILTERS, ChannelRule.CARRIED)[min(axis, 2)]

    def narrowed(self, top: int, bottom: int, bottoms: Blobs) -> "InnerProduct":
        """As many rows as are left, where the rows are channels."""
        return replace(self, num_output=top) if self.channel_rule_for(bottoms) is ChannelRule.FILTERS else self

    def filters(self, weight: Array) -> Array:
        """Return the weight as rows (K, inputs)."""
        return weight.T if self.transpose else weight

    def weight_of(self, filters: Array) -> Array:
        """Return rows (K, inputs) as the weight."""
        return self.filters(filters)

    def columns(self, bottom: Array, rows: Array) -> Array:
        """(1, M, inputs): the axes from `axis` on as one."""
        kept = prod(bottom.shape[: self.axis % bottom.ndim])
        return bottom.reshape(kept, -1)[None, rows]
