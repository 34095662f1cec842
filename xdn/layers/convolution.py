"""Convolution: K filters of C/G x R x S over images, lines or volumes, with stride, padding, dilation, groups."""

from dataclasses import replace
from math import prod

import numpy as np

from xdn.graph import Array, Arrays, Blobs, ChannelAxis, Side, WeightAxes, Weights
from xdn.graph.params import EVERY, Stride
from xdn.layers.base import layer_type
from xdn.layers.filters import Filters
from xdn.layers.window import patches


@layer_type(
    "Convolution",
    "DepthwiseConvolution",
    "ConvolutionDepthwise",
    "DepthwiseConv",
    "Convolution3D",
    "CONVOLUTION3D",
    "CConvolution",
    "ConvolutionFloat",
    "ConvolutionRistretto",
    "ConvolutionSK",
    v1_name="CONVOLUTION",
)
class Convolution(Filters):
    """Convolution: Y[n,k,p,q] = b[k] + sum_{c,r,s} W[k,c,r,s] * X[n, c, p*stride-pad+r*dilation, ...].

    Positions have one, two or three axes: lines (L,), images (H, W), volumes (D, H, W). The source of the size rule and
    of the fields is Caffe's base_conv_layer.cpp.
    """

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, C/G, R, S), whose second axis stands for the channels of every group; bias (K,)."""
        filters, c = ChannelAxis(Side.TOP, self.num_output), bottoms[0].shape[1]
        inputs = 1 if self.depthwise(c) else ChannelAxis(Side.BOTTOM, c // self.group)
        weight = {"weight": (filters, inputs, *self.window_over(bottoms[0]).kernel)}
        return weight | ({"bias": (filters,)} if self.bias_term else {})

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """im2col, then one matrix product a group, as Caffe computes it."""
        window, g = self.window(bottoms[0].ndim - 2), self.group
        columns = patches(bottoms[0], window)  # (N, C, R, S, P, Q)
        n, c, places = *columns.shape[:2], columns.shape[2 + window.axes :]
        columns = columns.reshape(n, g, c // g * prod(window.kernel), prod(places))
        weight = weights["weight"].reshape(g, self.num_output // g, -1)
        result = np.matmul(weight, columns).reshape(n, self.num_output, -1)
        if self.bias_term:
            result += weights["bias"].reshape(-1, 1)
        return (result.reshape(n, self.num_output, *places),)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """The patches, N * C * R * S * P * Q, twice where groups tear them apart, and the product."""
        window = self.window_over(bottoms[0])
        n, c, *_ = bottoms[0].shape
        patches_size = n * c * prod(window.kernel) * prod(tops[0].shape[2:]) * np.dtype(np.float32).itemsize
        return (2 if self.group > 1 else 1) * patches_size + 2 * tops[0].bytes

    def positions_read(self, stride: Stride, bottoms: Blobs) -> Stride:
        """A 1x1 kernel without padding reads the positions of an image that it steps on; else every one counts."""
        window = self.window_over(bottoms[0])
        if not window.is_point or window.axes != 2:
            return EVERY
        return window.stride[0] * stride[0], window.stride[1] * stride[1]

    def strided(self, top: Stride, bottom: Stride, bottoms: Blobs) -> "Convolution | None":
        """The stride grows by `top` and is rid of `bottom`.

        The sizes agree, since floor(floor(a / s) / t) = floor(a / (s * t)).
        """
        if bottom not in (EVERY, self.positions_read(top, bottoms)):
            return None
        if top == bottom == EVERY:
            return self
        own = self.window_over(bottoms[0]).stride
        if len(own) != 2:
            return None
        h, w = (s * t // b for s, t, b in zip(own, top, bottom, strict=True))
        if (h, w) == own:
            return self
        return replace(self, stride=(h,) if h == w else (h, w), stride_h=0, stride_w=0)
