"""Deconvolution: the convolution's transpose, which spreads each input over a window of the output."""

from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelAxis, Side, WeightAxes, Weights
from xdn.layers.base import layer_type
from xdn.layers.filters import Filters
from xdn.layers.window import Window, kernel_first, met


@layer_type("Deconvolution", "Deconvolution3D", "DECONVOLUTION3D", "DeconvolutionRistretto", v1_name="DECONVOLUTION")
class Deconvolution(Filters):
    """Deconvolution: Y[n, k, p*stride-pad+r*dilation, ...] += W[c,k,r,s] * X[n,c,p,q], and the bias b[k].

    Its fields are the convolution's; the weight's first axis is the bottom's channels. The source is Caffe's
    deconv_layer.cpp.
    """

    def window(self, axes: int) -> Window:
        """Return kernel, stride, padding and dilation of the window that is laid over the output."""
        return replace(super().window(axes), transposed=True)

    def filters(self, weight: Array) -> Array:
        """Return the weight (C, K/G, R, S) as a convolution's filters (K, C/G, R, S)."""
        c, k, *kernel = weight.shape
        grouped = weight.reshape(self.group, c // self.group, k, *kernel).swapaxes(1, 2)
        return grouped.reshape(self.num_output, c // self.group, *kernel)

    def weight_of(self, filters: Array) -> Array:
        """Return a convolution's filters (K, C/G, R, S) as the weight (C, K/G, R, S)."""
        k, c, *kernel = filters.shape
        grouped = filters.reshape(self.group, k // self.group, c, *kernel).swapaxes(1, 2)
        return grouped.reshape(c * self.group, k // self.group, *kernel)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, K, stride * (H - 1) + extent - 2 * pad, ...), and as much of lines and volumes."""
        (top,) = super().infer(bottoms, n_tops)
        (n, k, *places), pads = top.shape, self.window_over(bottoms[0]).pad
        # A blob's bounds hold for the output before its padding is cut off, too.
        Blob((n, k, *(place + 2 * pad for place, pad in zip(places, pads, strict=True))))
        return (top,)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (C, K/G, R, S), whose second axis, depthwise the first, is the filters of each group; bias (K,)."""
        k, c, g = self.num_output, bottoms[0].shape[1], self.group
        filters, inputs = ChannelAxis(Side.TOP, k), ChannelAxis(Side.BOTTOM, c)
        first_two = (filters, 1) if self.depthwise(c) else (inputs, ChannelAxis(Side.TOP, k // g))
        weight = {"weight": (*first_two, *self.window_over(bottoms[0]).kernel)}
        return weight | ({"bias": (filters,)} if self.bias_term else {})

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """One matrix product a group, then each window added to the output (col2im), as Caffe computes it."""
        x, g = bottoms[0], self.group
        n, c, *sizes = x.shape
        window = self.window(len(sizes))
        places = window.output_size(sizes)
        weight = weights["weight"].reshape(g, c // g, -1)
        columns = np.matmul(weight.transpose(0, 2, 1), x.reshape(n, g, c // g, -1))
        by_element = kernel_first(columns.reshape(n, self.num_output, *window.kernel, *sizes), window)
        each = list(zip(places, window.pad, strict=True))
        padded = np.zeros((n, self.num_output, *(place + 2 * pad for place, pad in each)), columns.dtype)
        for element in product(*map(range, window.kernel)):
            padded[met(window, element, sizes)] += by_element[element]
        top = padded[:, :, *(slice(pad, pad + place) for place, pad in each)].copy()
        if self.bias_term:
            top += weights["bias"].reshape(-1, *(1,) * window.axes)
        return (top,)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """The products, N * K * R * S * H * W, and twice the output with its padding."""
        window, (n, _, *sizes) = self.window_over(bottoms[0]), bottoms[0].shape
        padded = (place + 2 * pad for place, pad in zip(tops[0].shape[2:], window.pad, strict=True))
        elements = prod(window.kernel) * prod(sizes) + 2 * prod(padded)
        return n * self.num_output * elements * np.dtype(np.float32).itemsize

    def depthwise(self, bottom_channels: int) -> bool:
        """Return whether each channel, of several, has one filter of its own.

        With more filters each the weight's axes are those of any groups: each group loses the same filters.
        """
        return super().depthwise(bottom_channels) and self.num_output == self.group
